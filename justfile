set positional-arguments

bin := justfile_directory() / ".venv/bin"

# list the recipes
[private]
default:
    @{{ just_executable() }} --list --unsorted

# the whole way on made-up radiographs: phantom tree, lake, trained CNN, report (demo/)
demo: _environment
    rm -rf demo
    .venv/bin/mura-phantom out=demo views=1560 part=humerus
    .venv/bin/mura-ingest demo lake=demo/lake
    .venv/bin/mura-train part=humerus model=efficientnet_lite0 lake=demo/lake out=demo/run

# decode a MURA tree once, into a lake: just ingest ROOT [lake=lake] [size=320] [fit=pad]
[no-cd]
[no-exit-message]
ingest *words: _environment
    @"{{ bin }}/mura-ingest" "$@"

# prove a lake whole: just verify [lake=lake]
[no-cd]
[no-exit-message]
verify *words: _environment
    @"{{ bin }}/mura-verify" "$@"

# train one CNN and report: just train [part=humerus] [model=efficientnet_lite0]
[no-cd]
[no-exit-message]
train *words: _environment
    @"{{ bin }}/mura-train" "$@"

# compare CNNs or heads by k-fold over patients: just cv [part=humerus] [k=5] [models=efficientnet_lite0,resnet_small]
[no-cd]
[no-exit-message]
cv *words: _environment
    @"{{ bin }}/mura-cv" "$@"

# search the settings of one CNN, keep the best: just tune [part=humerus] [trials=20]
[no-cd]
[no-exit-message]
tune *words: _environment
    @"{{ bin }}/mura-tune" "$@"

# look at a lake before training: just eda [lake=lake] [out=eda.html]
[no-cd]
[no-exit-message]
eda *words: _environment
    @"{{ bin }}/mura-eda" "$@"

# tell normal from abnormal: just predict PATH... [run=runs/...] [format=csv] [explain=maps]
[no-cd]
[no-exit-message]
predict *words: _environment
    @"{{ bin }}/mura-predict" "$@"

# serve a model on a local web page and an HTTP API: just serve [run=runs/...]
[no-cd]
[no-exit-message]
serve *words: _environment
    @"{{ bin }}/mura-serve" "$@"

# write a model for other servers: just export [run=runs/...] [format=saved_model]
[no-cd]
[no-exit-message]
export *words: _environment
    @"{{ bin }}/mura-export" "$@"

# draw made-up radiographs in MURA's layout: just phantom [out=phantom] [views=600] [seed=0]
[no-cd]
[no-exit-message]
phantom *words: _environment
    @"{{ bin }}/mura-phantom" "$@"

# run the tests: just test [pytest's options]
[no-exit-message]
test *words: _environment
    @"{{ bin }}/python" -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder "$@"

# check format, style, types and who may import whom
[no-exit-message]
lint: _environment
    .venv/bin/ruff format --check .
    .venv/bin/ruff check .
    .venv/bin/pyright
    .venv/bin/lint-imports

# measure: ratios within one run, printed and written to .benchmarks/
[no-exit-message]
bench *words: _environment
    @"{{ bin }}/python" -m pytest -m benchmark --timeout 0 -s "$@"

# pin every dependency anew, with hashes
lock:
    uv pip compile --quiet --upgrade --universal --python-version 3.10 --generate-hashes --no-annotate pyproject.toml --all-extras --group dev -o requirements.txt

# make .venv what the lock file says, if it is not
_environment:
    @cmp -s requirements.txt .venv/requirements.txt || { \
        echo "setting up .venv from requirements.txt" >&2 \
        && uv venv --quiet --clear .venv \
        && uv pip sync --quiet --compile-bytecode --require-hashes --python .venv/bin/python requirements.txt \
        && uv pip install --quiet --no-deps --no-build-isolation --python .venv/bin/python --editable . \
        && cp requirements.txt .venv/requirements.txt; }
