set positional-arguments

# recipes are Python, not shell, so that they are the same on Linux, macOS and Windows
set script-interpreter := ["uv", "run", "--quiet", "--no-project", "--python", ">=3.10", "python"]

recipes := "import sys; sys.path.insert(0, r'" + justfile_directory() / ".recipes" + "'); from environment import call, install, run"

# List the recipes.
[private]
[script]
default:
    import subprocess
    subprocess.run([r"{{ just_executable() }}", "--list", "--unsorted"])

# End-to-end demo on 600 synthetic radiographs with recipe=quick: tree, lake, CNN, report, all in demo/.
[script]
demo:
    {{ recipes }}; import shutil
    shutil.rmtree("demo", ignore_errors=True)
    call("mura-phantom", "out=demo", "views=600", "part=humerus")
    call("mura-ingest", "demo", "lake=demo/lake")
    call("mura-train", "part=humerus", "recipe=quick", "lake=demo/lake", "out=demo/run")

# Decode a tree of radiographs into a lake: just ingest ROOT [lake=lake] [size=320] [fit=pad]
[no-cd]
[no-exit-message]
[script]
ingest *words:
    {{ recipes }}
    run("mura-ingest")

# Verify every record, checksum, count and digest of a lake: just verify [lake=lake]
[no-cd]
[no-exit-message]
[script]
verify *words:
    {{ recipes }}
    run("mura-verify")

# Train one CNN and write a report: just train [part=humerus] [model=efficientnet_lite0]
[no-cd]
[no-exit-message]
[script]
train *words:
    {{ recipes }}
    run("mura-train")

# Compare models by k-fold cross-validation over patients: just cv [part=humerus] [k=5] [models=efficientnet_lite0,resnet_small]
[no-cd]
[no-exit-message]
[script]
cv *words:
    {{ recipes }}
    run("mura-cv")

# Search hyperparameters of one CNN and keep the best: just tune [part=humerus] [trials=20]
[no-cd]
[no-exit-message]
[script]
tune *words:
    {{ recipes }}
    run("mura-tune")

# Write a page of counts and distributions of a lake: just eda [lake=lake] [out=eda.html]
[no-cd]
[no-exit-message]
[script]
eda *words:
    {{ recipes }}
    run("mura-eda")

# Evaluate a finished model on another labelled lake: just evaluate [run=runs/...] [lake=lake] [part=wrist]
[no-cd]
[no-exit-message]
[script]
evaluate *words:
    {{ recipes }}
    run("mura-evaluate")

# Compare runs on the same views, by a paired bootstrap over patients: just compare RUN RUN [out=comparison.html]
[no-cd]
[no-exit-message]
[script]
compare *words:
    {{ recipes }}
    run("mura-compare")

# Audit a cross-validation for wrong labels, copies and shortcuts: just audit [run=runs/...] [hide=on]
[no-cd]
[no-exit-message]
[script]
audit *words:
    {{ recipes }}
    run("mura-audit")

# Predict normal or abnormal for images and studies: just predict PATH... [run=runs/...] [format=csv] [explain=maps]
[no-cd]
[no-exit-message]
[script]
predict *words:
    {{ recipes }}
    run("mura-predict")

# Serve a model on a local web page and an HTTP API: just serve [run=runs/...]
[no-cd]
[no-exit-message]
[script]
serve *words:
    {{ recipes }}
    run("mura-serve")

# Export a model to SavedModel, TFLite or ONNX: just export [run=runs/...] [format=saved_model]
[no-cd]
[no-exit-message]
[script]
export *words:
    {{ recipes }}
    run("mura-export")

# Draw synthetic radiographs in MURA's layout: just phantom [out=phantom] [views=600] [seed=0]
[no-cd]
[no-exit-message]
[script]
phantom *words:
    {{ recipes }}
    run("mura-phantom")

# Run the tests: just test [pytest options]
[no-exit-message]
[script]
test *words:
    {{ recipes }}
    run("pytest", "--numprocesses=3", "--dist=loadfile", "--no-loadscope-reorder", parts=["dev"])

# Run the tests without those marked slow, in about 70 s: just test-fast [pytest options]
[no-exit-message]
[script]
test-fast *words:
    {{ recipes }}
    run("pytest", "--numprocesses=2", "--dist=loadfile", "--no-loadscope-reorder", "-m=not slow and not benchmark and not gpu", parts=["dev"])

# Run the tests of training on a GPU: just test-gpu [pytest options]
[no-exit-message]
[script]
test-gpu *words:
    {{ recipes }}
    run("pytest", "-m=gpu", "-rs", "tests/gpu", parts=["dev"])

# Check format, style, types and import rules.
[no-exit-message]
[script]
lint:
    {{ recipes }}
    for command in ("ruff format --check .", "ruff check .", "pyright", "lint-imports"):
        call(*command.split(), parts=["dev"])

# Write docs/cli.md from the options of the commands, and draw docs/augmentation.png.
[script]
docs:
    {{ recipes }}
    for script in ("generate_cli", "draw_augmentation"):
        call("python", f"docs/{script}.py", parts=["dev"])

# Run the benchmarks; results are printed and written to .benchmarks/.
[no-exit-message]
[script]
bench *words:
    {{ recipes }}
    run("pytest", "-m=benchmark", "--timeout=0", "-s", parts=["dev"])

# Install the CUDA libraries for TensorFlow, and report whether it finds a GPU.
[script]
gpu:
    {{ recipes }}
    run("python", "-m", "trainer.runs.gpus", parts=["gpu"])

# Pin the newest version of every dependency, and check the wheels for every system: just lock [check]
[script]
lock *words:
    {{ recipes }}; import lock
    lock.main(sys.argv[1:])
