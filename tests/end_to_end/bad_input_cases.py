"""Every mistake that `test_bad_input.py` makes; those about models are in files of their own."""

import numpy as np
from end_to_end.bad_input import (
    CALIBRATE,
    COMPILE,
    EVAL,
    LISTED,
    MEASURE,
    PREPARED,
    RUN,
    Case,
    archive,
    both,
    change_manifest,
    cut_off,
    empty_calibration,
    foreign_folder,
    forge,
    image,
    make_folder,
    only_image,
    remove,
    replace_array,
    replace_labels,
    toml,
    write,
)
from end_to_end.bad_input_choices import CHOICES, ENGINES
from end_to_end.bad_input_comparisons import SIDES, TRACES
from end_to_end.bad_input_layers import NUMBERS, OPS, SHAPES, WINDOWS
from end_to_end.bad_input_models import MODELS, OUTPUTS, with_input
from end_to_end.bad_input_retraining import IR, RETRAINING

CALIBRATION = (
    Case("missing calibration folder", "compile net.onnx --calib absent -o out.tf2c", "absent"),
    Case("empty calibration folder", COMPILE, "calib", empty_calibration),
    Case("calibration folder of text", COMPILE, "calib", only_image("notes.txt", b"hello\n")),
    Case("calibration folder of damaged images", COMPILE, "0.png", only_image("0.png", b"\x89PNG")),
    Case("calibration images of wrong size", COMPILE, "calib", only_image("0.png", image(6, 7))),
    Case("image file for calibration", "compile net.onnx --calib calib/0.png -o out.tf2c",
         "0.png"),
    Case("missing list", LISTED, "list.txt"),
    Case("empty list", LISTED, "list.txt", write("list.txt", b"\n")),
    Case("list of absent images", LISTED, "9.png", write("list.txt", b"calib/9.png\n")),
    Case("list with an image twice", LISTED, "list.txt", write(
        "list.txt", b"calib/0.png\ncalib/0.png\n")),
    Case("list that is no text", LISTED, "list.txt", write("list.txt", b"\xff\xfe")),
    Case("array of wrong shape", CALIBRATE, "x.npy", replace_array(np.ones((1, 3, 6, 6)))),
    Case("array of one image", CALIBRATE, "x.npy", replace_array(np.ones((1, 6, 6)))),
    Case("array of no images", CALIBRATE, "x.npy", replace_array(np.ones((0, 1, 6, 6)))),
    Case("array of integers", CALIBRATE, "x.npy", replace_array(np.ones((1, 1, 6, 6), np.uint8))),
    Case("array of NaN", CALIBRATE, "x.npy", replace_array(np.full((1, 1, 6, 6), np.nan))),
    Case("array beyond single precision", CALIBRATE, "x.npy", replace_array(
        np.full((1, 1, 6, 6), 1e300))),
    Case("array that overflows", CALIBRATE, "`conv`", replace_array(
        np.full((1, 1, 6, 6), 3e38, np.float32))),
    Case("archive of arrays", CALIBRATE, "x.npy", archive),
    Case("damaged array", CALIBRATE, "x.npy", cut_off("x.npy", 150)),
    Case("text as array", CALIBRATE, "x.npy", write("x.npy", b"1, 2, 3\n")),
    Case("missing array", "compile net.onnx --calib absent.npy -o out.tf2c", "absent.npy"),
    Case("random of nothing", "compile net.onnx --calib random:0 -o out.tf2c", "random:0"),
    Case("random of a word", "compile net.onnx --calib random:x -o out.tf2c", "random:x"),
    Case("random of a superscript", "compile net.onnx --calib random:² -o out.tf2c", "random:²"),
)  # fmt: skip

IMAGES = (
    Case("damaged image", EVAL, "0.png", cut_off("calib/0.png", 50)),
    Case("text as image", EVAL, "0.png", write("calib/0.png", b"hello\n")),
    Case("image of wrong size", EVAL, "2.png", write("calib/2.png", image(6, 7))),
    Case("image too small to crop", f"{EVAL} --preprocess p.toml", "2.png", both(
        write("calib/2.png", image(5, 7)), write("p.toml", b"geometry = 'center_crop'\n"))),
    Case("image too narrow to resize", f"{EVAL} --preprocess imagenet.toml", "2.png", both(
        write("calib/2.png", image(1, 60_000)),
        write("imagenet.toml", b"geometry = 'resize_and_crop'\ncrop_fraction = 0.01\n"))),
    Case("image of unknown range", EVAL, "2.png", write(
        "calib/2.png", image(6, 6, "f4", "TIFF"))),
    Case("damaged image to run", "run net.tf2c calib", "0.png", cut_off("calib/0.png", 50)),
    Case("measuring on a damaged image", MEASURE, "0.png", both(
        write("labels.csv", b"file,label\n0.png,0\n"), cut_off("calib/0.png", 50))),
    Case("missing folder of labeled images", EVAL.replace("calib", "absent"), "absent"),
)  # fmt: skip

PREPROCESSING = (
    Case("unknown preprocessing", f"{EVAL} --preprocess vgg", "`vgg`"),
    Case("missing preprocessing file", f"{EVAL} --preprocess p.toml", "p.toml"),
    Case("preprocessing that is no text", PREPARED, "p.toml", write("p.toml", b"\xff\xfe")),
    Case("preprocessing that is no TOML", PREPARED, "p.toml", write("p.toml", b"scale = \n")),
    Case("preprocessing with unknown keys", PREPARED, "`standard`", toml("mean = 1\nstandard = 2")),
    Case("preprocessing with a word as number", PREPARED, "`scale`", toml("scale = '1/255'")),
    Case("preprocessing with a switch as number", PREPARED, "`std`", toml("std = [1, true, 1]")),
    Case("preprocessing with a number as word", PREPARED, "`channels`", toml("channels = 3")),
    Case("preprocessing with a fraction as offset", PREPARED, "`label_offset`", toml(
        "label_offset = 0.5")),
    Case("preprocessing of no known geometry", PREPARED, "`geometry`", toml("geometry = 'fit'")),
    Case("preprocessing of no known order", PREPARED, "`channels`", toml("channels = 'yuv'")),
    Case("preprocessing that divides by zero", PREPARED, "`std`", toml("std = [1, 0, 1]")),
    Case("preprocessing with two means", PREPARED, "`mean`", toml("mean = [1, 2]")),
    Case("preprocessing with no means", PREPARED, "`mean`", toml("mean = []")),
    Case("preprocessing with NaN", PREPARED, "`mean`", toml("mean = nan")),
    Case("preprocessing with a huge integer", PREPARED, "`scale`", toml(f"scale = {10**400}")),
    Case("preprocessing with an endless integer", PREPARED, "p.toml", toml(f"mean = {'9' * 5000}")),
    Case("preprocessing that nests too deep", PREPARED, "p.toml", toml(f"mean = {'[' * 50_000}")),
    Case("preprocessing with a huge offset", PREPARED, "`label_offset`", toml(
        f"label_offset = {10**30}")),
    Case("preprocessing that crops more than all", PREPARED, "`crop_fraction`", toml(
        "crop_fraction = 1.5")),
    Case("colors for a gray network", f"{COMPILE} --preprocess imagenet", "`mean`"),
    Case("artifact with unknown preprocessing", EVAL, "`geometry`", change_manifest(
        preprocessing={"geometry": "fit"})),
    Case("artifact without preprocessing", EVAL, "`preprocessing`", change_manifest(
        preprocessing=None)),
)  # fmt: skip

OPTIONS = (
    Case("unknown board", f"{COMPILE} --board de10", "`de10`"),
    Case("missing board file", f"{COMPILE} --board my.toml", "my.toml"),
    Case("broken board file", f"{COMPILE} --board my.toml", "my.toml", write(
        "my.toml", b"alms = \n")),
    Case("incomplete board file", f"{COMPILE} --board my.toml", "my.toml", write("my.toml", b"")),
    Case("board file with words for numbers", f"{COMPILE} --board my.toml", "my.toml", write(
        "my.toml", b'card = "a"\ndevice = "b"\nalms = "many"\ndsps = 1\nm20ks = 1\n')),
    Case("dump into a file", f"{COMPILE} --dump-ir x.npy", "x.npy"),
    Case("output is a file", COMPILE.replace("out.tf2c", "x.npy"), "x.npy"),
    Case("output is a foreign folder", COMPILE, "out.tf2c", foreign_folder),
    Case("output below a file", COMPILE.replace("out.tf2c", "x.npy/out.tf2c"), "x.npy"),
    Case("missing option", "compile net.onnx -o out.tf2c", "--calib"),
    Case("missing argument", "compile --calib calib -o out.tf2c", "MODEL"),
    Case("unknown option", f"{COMPILE} --fast", "--fast"),
    Case("unknown command", "explode net.onnx", "explode"),
    Case("seed that is no number", f"{COMPILE} --seed many", "many"),
    Case("negative seed", f"{COMPILE} --check --seed -1", "-1"),
    Case("no threads", f"{COMPILE} --threads 0", "--threads"),
    Case("no limit", f"{EVAL} --limit 0", "--limit"),
)  # fmt: skip

LABELS = (
    Case("images without labels", f"{COMPILE} --images calib", "labels"),
    Case("labels without images", f"{COMPILE} --labels labels.csv", "images"),
    Case("missing labels", MEASURE, "labels.csv", remove("labels.csv")),
    Case("empty labels", MEASURE, "labels.csv", replace_labels()),
    Case("labels without a column", MEASURE, "labels.csv", replace_labels("file,class", "0.png,0")),
    Case("labels of an absent image", MEASURE, "labels.csv", replace_labels(
        "file,label", "0.png,0", "9.png,0")),
    Case("label that is no number", MEASURE, "labels.csv", replace_labels(
        "file,label", "0.png,zero")),
    Case("label that is a superscript", MEASURE, "labels.csv", replace_labels(
        "file,label", "0.png,²")),
    Case("label too large", MEASURE, "labels.csv", replace_labels("file,label", "0.png,3")),
    Case("label beyond all integers", MEASURE, "labels.csv", replace_labels(
        "file,label", f"0.png,{10**30}")),
    Case("label offset too large", f"{EVAL} --label-offset 1", "labels.csv"),
    Case("label offset too small", f"{EVAL} --label-offset -1", "labels.csv"),
    Case("label offset beyond all integers", f"{EVAL} --label-offset {10**30}", "`label_offset`"),
    Case("label offset that is no number", f"{EVAL} --label-offset one", "one"),
    Case("image labeled twice", EVAL, "labels.csv", replace_labels(
        "file,label", "0.png,0", "1.png,1", "0.png,2")),
    Case("label of a file outside", EVAL, "../net.onnx", replace_labels(
        "file,label", "../net.onnx,0")),
    Case("labels that are no text", MEASURE, "labels.csv", write("labels.csv", b"\xff\xfe\x00")),
    Case("labels for a network without classes", MEASURE, "net.onnx", with_input(1, 1, 6, 6)),
)  # fmt: skip

ARTIFACTS = (
    Case("missing artifact", "run absent.tf2c x.npy", "absent.tf2c"),
    Case("foreign folder as artifact", "run calib x.npy", "calib"),
    Case("model as artifact", "run net.onnx x.npy", "net.onnx"),
    Case("damaged artifact", RUN, "`weights.bin`", cut_off("net.tf2c/weights.bin", 10)),
    Case("artifact without a file", RUN, "`program.bin`", remove("net.tf2c/program.bin")),
    Case("newer artifact", RUN, "net.tf2c", change_manifest(format_version=4)),
    Case("older artifact", RUN, "net.tf2c", change_manifest(format_version=1)),
    Case("artifact with a damaged manifest", RUN, "`manifest.json`", cut_off(
        "net.tf2c/manifest.json", 100)),
    Case("artifact with a manifest of wrong types", RUN, "net.tf2c", change_manifest(
        input_shape="1x6x6")),
    Case("artifact with a forged program", RUN, "`program.bin`", forge("program.bin", b"forged")),
    Case("artifact with forged weights", RUN, "`program.bin`", forge("weights.bin", b"")),
    Case("artifact with forged IR", f"{EVAL} --executor float", "graph.mlir", forge(
        "ir/graph.mlir", b"builtin.module {")),
    Case("artifact with a misspelled geometry", EVAL, "`crop`", change_manifest(
        preprocessing={"geometry": "center_crop", "crop": 0.5})),
    Case("artifact with a preprocessing of words", EVAL, "`scale`", change_manifest(
        preprocessing={"scale": "255"})),
    Case("artifact that divides by zero", "run net.tf2c calib", "`std`", change_manifest(
        preprocessing={"std": [0]})),
    Case("artifact with a preprocessing for colors", EVAL, "`mean`", change_manifest(
        preprocessing={"mean": [1, 2, 3]})),
    Case("artifact of an unknown stage", EVAL.replace("net", "int8"), "int8.tf2c", change_manifest(
        "int8.tf2c", stage="verilog")),
    Case("artifact with images of words", RUN, "`input_shape`", change_manifest(
        input_shape=["a", "b", "c"])),
    Case("artifact of other images", RUN, "x.npy", change_manifest(input_shape=[1, 7, 7])),
    Case("artifact of rows", EVAL, "`input_shape`", change_manifest(input_shape=[36])),
    Case("artifact that stops early", "run int8.tf2c x.npy", "int8.tf2c"),
    Case("emulating an artifact that stops early", EVAL.replace("net", "int8")
         + " --executor emulator", "int8.tf2c"),
    Case("input of wrong shape", RUN, "x.npy", replace_array(np.ones((1, 1, 5, 6), np.float32))),
    Case("input of integers", RUN, "x.npy", replace_array(np.ones((1, 1, 6, 6), np.int8))),
    Case("input of NaN", RUN, "x.npy", replace_array(np.full((1, 1, 6, 6), np.nan))),
    Case("missing input", "run net.tf2c absent.npy", "absent.npy"),
    Case("output that is no array", "run net.tf2c x.npy -o y.txt", "y.txt"),
    Case("output in a missing folder", "run net.tf2c x.npy -o absent/y.npy", "absent/y.npy"),
    Case("output is a folder", "run net.tf2c x.npy -o d.npy", "d.npy",
         make_folder("d.npy")),
    Case("unknown device", f"{RUN} --device gpu", "`gpu`"),
    Case("absent platform", f"{RUN} --device opencl:NoSuch", "`NoSuch`"),
    Case("nameless platform", f"{RUN} --device opencl:", "opencl:"),
    Case("unknown executor", f"{EVAL} --executor tpu", "`tpu`"),
    Case("simulating an artifact that stops early", EVAL.replace("net", "int8")
         + " --executor simulator", "int8.tf2c"),
    Case("model on numpy", EVAL.replace("net.tf2c", "net.onnx") + " --executor numpy", "net.onnx"),
    Case("evaluating a missing model", EVAL.replace("net.tf2c", "absent.onnx")
         + " --executor float", "absent.onnx"),
)  # fmt: skip

CASES = (
    *MODELS,
    *OUTPUTS,
    *OPS,
    *WINDOWS,
    *NUMBERS,
    *SHAPES,
    *CHOICES,
    *ENGINES,
    *CALIBRATION,
    *IMAGES,
    *PREPROCESSING,
    *OPTIONS,
    *LABELS,
    *ARTIFACTS,
    *TRACES,
    *SIDES,
    *RETRAINING,
    *IR,
)
