"""What can go wrong with a recommender, each with what to do about it."""

from __future__ import annotations

from graph_schema.errors import CdpError


class RecommenderError(CdpError):
    """The recommender cannot do this: {reason}."""

    code = "RECOMMENDER_ERROR"


class BadInteraction(RecommenderError):
    """Interaction {row} cannot be used: {reason}. Give ids as text, counts as whole numbers from 0
    up, and times as microseconds with the first not after the last."""

    code = "BAD_INTERACTION"


class EmptyDataset(RecommenderError):
    """There is nothing to learn from: {reason}. Collect or import interactions with items first."""

    code = "EMPTY_DATASET"


class BadSplitFile(RecommenderError):
    """{path} is no file of interactions that can be read: {reason}."""

    code = "BAD_SPLIT_FILE"


class UnknownModel(RecommenderError):
    """No model is named {name}. Known: {known}."""

    code = "UNKNOWN_MODEL"


class NotFitted(RecommenderError):
    """The model {name} has not been fitted: call fit(dataset) first, or load a stored version."""

    code = "NOT_FITTED"


class ModelTooLarge(RecommenderError):
    """The model {name} does not fit {items} items (limit {limit}): choose spectral or item_knn, or
    raise the limit where there is memory for a dense item matrix."""

    code = "MODEL_TOO_LARGE"


class TrainingExtraMissing(RecommenderError):
    """The model {name} needs PyTorch and PyTorch Geometric: install graph-cdp[gnn]."""

    code = "TRAINING_EXTRA_MISSING"


class ModelNotNamed(RecommenderError):
    """Several processes train, so they must be told which model: name one that is trained by
    gradients (lightgcn, xsimgcl, sage)."""

    code = "MODEL_NOT_NAMED"


class BadRequest(RecommenderError):
    """The question for recommendations is wrong: {reason}."""

    code = "BAD_REQUEST"


class UnknownVersion(RecommenderError):
    """There is no recommender version {name}. Known: {known}."""

    code = "UNKNOWN_VERSION"


class VersionExists(RecommenderError):
    """A recommender version named {name} exists already: choose another name or remove it."""

    code = "VERSION_EXISTS"


class VersionActive(RecommenderError):
    """The recommender version {name} is in service, or serves a share of the profiles: put another
    one in service first, or end the canary (`cdp models canary --off`)."""

    code = "VERSION_ACTIVE"


class NoActiveVersion(RecommenderError):
    """No recommender version is in service: run `cdp train`, or choose one that is stored."""

    code = "NO_ACTIVE_VERSION"


class ArtifactDamaged(RecommenderError):
    """The recommender version {name} is damaged ({reason}) and was not loaded. The version in
    service stays. Remove this one and train again."""

    code = "ARTIFACT_DAMAGED"
