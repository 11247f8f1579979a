"""docker-compose.yml says what the product understands."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import compose
import pytest

from cdp import settings
from cdp.cli import main

GIVEN = {"NEO4J_PASSWORD": "afewletters1"}
OURS = ("serve", "worker")


def test_it_has_the_services() -> None:
    found = compose.services(GIVEN)
    assert set(found) == {"serve", "worker", "neo4j", "kafka"}
    assert {name for name in found if "profiles" not in found[name]} == {"serve", "worker", "neo4j"}
    assert found["kafka"]["profiles"] == ["scale"]


def test_without_a_password_it_says_what_is_missing() -> None:
    for environment in ({}, {"NEO4J_PASSWORD": ""}):
        with pytest.raises(compose.Required, match="NEO4J_PASSWORD: choose a password"):
            compose.services(environment)


def test_no_secret_has_a_default() -> None:
    secret = {setting.name for setting in settings.SETTINGS if setting.secret} | {"NEO4J_PASSWORD"}
    text = compose.COMPOSE.read_text(encoding="utf-8")
    assert secret <= compose.variables()
    for name in secret:
        assert not re.search(rf"\$\{{{name}:?-", text), name
        assert not re.search(rf"^\s*{name}: *\S", text, re.MULTILINE), name


def test_the_two_parts_are_one_image_with_the_same_settings() -> None:
    serve, worker = (compose.services(GIVEN)[name] for name in OURS)
    for what in ("image", "build", "environment", "volumes", "depends_on", "restart"):
        assert serve[what] == worker[what], what
    assert serve["depends_on"] == {"neo4j": {"condition": "service_healthy"}}


@pytest.mark.parametrize("name", OURS)
def test_the_settings_are_known_and_right(name: str) -> None:
    environment = compose.services(GIVEN)[name]["environment"]
    known = {setting.name: setting for setting in settings.SETTINGS}
    assert set(environment) <= set(known)
    for setting, value in environment.items():
        known[setting].parse(value)
    asked = {variable for variable in compose.variables() if variable.startswith("CDP_")}
    assert asked - {"CDP_VERSION"} <= set(known)


def test_what_is_set_outside_comes_in() -> None:
    given = GIVEN | {"CDP_TOKENS": "t=admin", "CDP_PARTITIONS": "9", "CDP_HASH_KEY": "k" * 20}
    environment = compose.services(given)["serve"]["environment"]
    assert environment.items() >= (given.items() - GIVEN.items())
    assert "CDP_WRITE_KEYS" not in environment


def test_serve_and_worker_share_the_folder_of_the_image() -> None:
    found = compose.services(GIVEN)
    folders = {i.text for i in compose.dockerfile() if i.name == "VOLUME"}
    for name in OURS:
        assert found[name]["volumes"] == ["data:/data"]
        assert found[name]["environment"]["CDP_DATA"] in folders


def test_every_volume_is_declared_and_used() -> None:
    used = {
        volume.partition(":")[0]
        for service in compose.services(GIVEN).values()
        for volume in service["volumes"]
    }
    assert used == set(compose.raw()["volumes"])


@pytest.mark.parametrize("name", OURS)
def test_the_commands_are_verbs(name: str) -> None:
    command = compose.services(GIVEN)[name]["command"]
    options = main._parser().parse_args(command)
    assert command[0] == name
    if name == "serve":
        assert (options.host, options.port, options.no_worker) == ("0.0.0.0", 8000, True)
    else:
        assert options.until_idle is False


def test_only_this_machine_reaches_what_is_published() -> None:
    found = compose.services(GIVEN)
    ports = {name: found[name].get("ports", []) for name in found}
    assert ports == {
        "serve": ["127.0.0.1:8000:8000"],
        "neo4j": ["127.0.0.1:7474:7474", "127.0.0.1:7687:7687"],
        "worker": [],
        "kafka": [],
    }
    other = compose.services(GIVEN | {"SERVE_ADDRESS": "9000"})["serve"]["ports"]
    assert other == ["9000:8000"]


def test_each_service_has_a_health_check_and_ends_in_order() -> None:
    for name, service in compose.services(GIVEN).items():
        check = service["healthcheck"]
        assert check["test"][0] in ("CMD", "CMD-SHELL"), name
        assert {"interval", "timeout", "retries", "start_period"} <= set(check), name
        assert service["restart"] == "unless-stopped"
        assert "stop_grace_period" in service
        assert service["logging"]["options"]["max-size"]


@pytest.mark.parametrize("name", OURS)
def test_the_product_may_do_nothing_it_need_not(name: str) -> None:
    service = compose.services(GIVEN)[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service and "user" not in service


def test_neo4j_is_the_version_that_the_tests_run() -> None:
    path = compose.ROOT / "tests/support/maven/neo4j.xml"
    tested = ElementTree.parse(path).findtext("{*}version") or ""
    image = compose.services(GIVEN)["neo4j"]["image"]
    assert image == f"neo4j:{tested.rpartition('.')[0]}-community"


def test_neo4j_takes_the_password_that_the_product_gives() -> None:
    found = compose.services(GIVEN)
    password = GIVEN["NEO4J_PASSWORD"]
    assert found["neo4j"]["environment"]["NEO4J_AUTH"] == f"neo4j/{password}"
    for name in OURS:
        address = found[name]["environment"]["CDP_GRAPH"]
        assert address == f"bolt://neo4j:{password}@neo4j:7687/neo4j"


def test_kafka_is_one_node_that_knows_its_roles() -> None:
    environment = compose.services(GIVEN)["kafka"]["environment"]
    assert environment["KAFKA_PROCESS_ROLES"] == "broker,controller"
    listeners = dict(one.split("://") for one in environment["KAFKA_LISTENERS"].split(","))
    mapped = dict(
        one.split(":") for one in environment["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(",")
    )
    assert set(listeners) == set(mapped)
    node, _, controller = environment["KAFKA_CONTROLLER_QUORUM_VOTERS"].partition("@")
    assert node == environment["KAFKA_NODE_ID"]
    assert controller == "kafka" + listeners[environment["KAFKA_CONTROLLER_LISTENER_NAMES"]]
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{21}", environment["CLUSTER_ID"])
    assert environment["KAFKA_LOG_DIRS"] in compose.services(GIVEN)["kafka"]["volumes"][0]
