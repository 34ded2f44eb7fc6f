// RUN: not tf2c-opt %s -p fold-everything 2>&1 | filecheck %s --check-prefix=PASS
// RUN: not tf2c-opt %s -p 'choose-scales{pictures="x.npy"}' 2>&1 | filecheck %s --check-prefix=OPTION
// RUN: not tf2c-opt %s -p 'prove-accumulators{bits=many}' 2>&1 | filecheck %s --check-prefix=VALUE
// RUN: not tf2c-opt %s -p 'choose-scales{images=' 2>&1 | filecheck %s --check-prefix=PIPELINE
// RUN: not tf2c-opt %t.nowhere.mlir 2>&1 | filecheck %s --check-prefix=FILE
// RUN: cp %s %t.txt
// RUN: not tf2c-opt %t.txt 2>&1 | filecheck %s --check-prefix=KIND
// RUN: not tf2c-opt %S 2>&1 | filecheck %s --check-prefix=FOLDER
// RUN: python -c "import sys, pathlib; pathlib.Path(sys.argv[1]).write_bytes(b'\xff\xfe')" %t.bytes.mlir
// RUN: not tf2c-opt %t.bytes.mlir 2>&1 | filecheck %s --check-prefix=BYTES

// What the user got wrong is one line, with a hint where we know one; never a traceback.

// PASS-NOT:      Traceback
// PASS:          error: expected a pass, got `fold-everything`
// PASS-NEXT:     hint: passes are absorb-biases, allocate-memory, canonicalize, check-placement, choose-planes, choose-scales, {{.*}}, round-weights-to-pow2{{$}}
// PASS-NOT:      {{.}}

// OPTION-NOT:    Traceback
// OPTION:        error: pass `choose-scales`: {{.*}}pictures{{.*}}images{{.*}}
// OPTION-NOT:    {{.}}

// VALUE-NOT:     Traceback
// VALUE:         error: pass `prove-accumulators`: {{.*}}many{{.*}}
// VALUE-NOT:     {{.}}

// PIPELINE-NOT:  Traceback
// PIPELINE:      error: expected a pipeline such as `a,b{option=1}`, got `choose-scales{images=`
// PIPELINE-NOT:  {{.}}

// FILE-NOT:      Traceback
// FILE:          error: {{.*}}.nowhere.mlir: No such file or directory
// FILE-NOT:      {{.}}

// KIND-NOT:      Traceback
// KIND:          error: {{.*}}.txt: expected a file that ends in .mlir, .onnx
// KIND-NOT:      {{.}}

// FOLDER-NOT:    Traceback
// FOLDER:        error: {{.*}}cli: Is a directory
// FOLDER-NOT:    {{.}}

// BYTES-NOT:     Traceback
// BYTES:         error: {{.*}}.bytes.mlir: {{.*}}
// BYTES-NOT:     a bug of tf2c

func.func @main() {
  func.return
}
