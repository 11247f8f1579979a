# One image for every part of the product: `cdp serve`, `cdp worker`, and any other verb.
ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS build
# Which parts are installed beside the core; `neo4j,gnn` where models are trained in the container too
# (5 GB: see pyproject.toml).
ARG EXTRAS=neo4j,kafka
WORKDIR /src
RUN python -m venv /opt/cdp
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY graph_schema ./graph_schema
COPY identity ./identity
COPY gnn ./gnn
COPY api ./api
COPY cdp ./cdp
RUN /opt/cdp/bin/pip install --no-cache-dir -c constraints.txt ".[${EXTRAS}]"

FROM python:${PYTHON}-slim
RUN useradd --system --uid 10001 --user-group --no-create-home cdp \
 && install --directory --owner=cdp --group=cdp --mode=0700 /data
COPY --from=build /opt/cdp /opt/cdp
ENV PATH=/opt/cdp/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    CDP_DATA=/data
# A new volume takes the folder's owner from here.
VOLUME /data
WORKDIR /data
USER 10001:10001
EXPOSE 8000
ENTRYPOINT ["cdp"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
