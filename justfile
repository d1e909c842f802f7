set positional-arguments

bin := justfile_directory() / ".venv/bin"

# List the recipes.
[private]
default:
    @{{ just_executable() }} --list --unsorted

# End-to-end demo on synthetic radiographs: tree, lake, trained CNN, report, all in demo/.
demo: _environment
    rm -rf demo
    .venv/bin/mura-phantom out=demo views=1560 part=humerus
    .venv/bin/mura-ingest demo lake=demo/lake
    .venv/bin/mura-train part=humerus model=efficientnet_lite0 lake=demo/lake out=demo/run

# Decode a tree of radiographs into a lake: just ingest ROOT [lake=lake] [size=320] [fit=pad]
[no-cd]
[no-exit-message]
ingest *words: _environment
    @"{{ bin }}/mura-ingest" "$@"

# Verify every record, checksum, count and digest of a lake: just verify [lake=lake]
[no-cd]
[no-exit-message]
verify *words: _environment
    @"{{ bin }}/mura-verify" "$@"

# Train one CNN and write a report: just train [part=humerus] [model=efficientnet_lite0]
[no-cd]
[no-exit-message]
train *words: _environment
    @"{{ bin }}/mura-train" "$@"

# Compare models by k-fold cross-validation over patients: just cv [part=humerus] [k=5] [models=efficientnet_lite0,resnet_small]
[no-cd]
[no-exit-message]
cv *words: _environment
    @"{{ bin }}/mura-cv" "$@"

# Search hyperparameters of one CNN and keep the best: just tune [part=humerus] [trials=20]
[no-cd]
[no-exit-message]
tune *words: _environment
    @"{{ bin }}/mura-tune" "$@"

# Write a page of counts and distributions of a lake: just eda [lake=lake] [out=eda.html]
[no-cd]
[no-exit-message]
eda *words: _environment
    @"{{ bin }}/mura-eda" "$@"

# Predict normal or abnormal for images and studies: just predict PATH... [run=runs/...] [format=csv] [explain=maps]
[no-cd]
[no-exit-message]
predict *words: _environment
    @"{{ bin }}/mura-predict" "$@"

# Serve a model on a local web page and an HTTP API: just serve [run=runs/...]
[no-cd]
[no-exit-message]
serve *words: _environment
    @"{{ bin }}/mura-serve" "$@"

# Export a model to SavedModel, TFLite or ONNX: just export [run=runs/...] [format=saved_model]
[no-cd]
[no-exit-message]
export *words: _environment
    @"{{ bin }}/mura-export" "$@"

# Draw synthetic radiographs in MURA's layout: just phantom [out=phantom] [views=600] [seed=0]
[no-cd]
[no-exit-message]
phantom *words: _environment
    @"{{ bin }}/mura-phantom" "$@"

# Run the tests: just test [pytest options]
[no-exit-message]
test *words: _environment
    @"{{ bin }}/python" -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder "$@"

# Run the tests without those marked slow, in under 90 s: just test-fast [pytest options]
[no-exit-message]
test-fast *words: _environment
    @"{{ bin }}/python" -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder -m "not slow and not benchmark" "$@"

# Check format, style, types and import rules.
[no-exit-message]
lint: _environment
    .venv/bin/ruff format --check .
    .venv/bin/ruff check .
    .venv/bin/pyright
    .venv/bin/lint-imports

# Write docs/cli.md from the options of the commands.
docs: _environment
    .venv/bin/python docs/generate_cli.py

# Run the benchmarks; results are printed and written to .benchmarks/.
[no-exit-message]
bench *words: _environment
    @"{{ bin }}/python" -m pytest -m benchmark --timeout 0 -s "$@"

# Pin the newest version of every dependency, with hashes.
lock:
    uv pip compile --quiet --upgrade --universal --python-version 3.10 --generate-hashes --no-annotate pyproject.toml --extra cluster --extra fast --extra onnx --extra pretrained --extra serve --extra tune --group build --group dev -o requirements.txt

# Make .venv from requirements.txt, if that file has changed.
_environment:
    @cmp -s requirements.txt .venv/requirements.txt || { \
        echo "setting up .venv from requirements.txt" >&2 \
        && uv venv --quiet --clear .venv \
        && uv pip sync --quiet --compile-bytecode --require-hashes --python .venv/bin/python requirements.txt \
        && uv pip install --quiet --no-deps --no-build-isolation --python .venv/bin/python --editable . \
        && cp requirements.txt .venv/requirements.txt; }
