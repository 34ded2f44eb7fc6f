// RUN: rm -rf %t && mkdir -p %t/damaged/weights
// RUN: tf2c-opt %s -o %t/network.mlir && filecheck %s --input-file=%t/network.mlir
// RUN: ls %t/weights | filecheck %s --check-prefix=FOLDER
// RUN: tf2c-opt %t/network.mlir --check -p dce | filecheck %s
// RUN: tf2c-opt --allow-unregistered-dialect < %t/network.mlir | filecheck %s
// RUN: not tf2c-opt %t/network.mlir -o %t/nowhere/network.mlir 2>&1 | filecheck %s --check-prefix=NOWHERE
// RUN: cp %t/network.mlir %t/damaged && not tf2c-opt %t/damaged/network.mlir 2>&1 | filecheck %s --check-prefix=MISSING
// RUN: python -c "from pathlib import Path; import numpy, sys; [numpy.save(f'{sys.argv[1]}/damaged/weights/{each.name}', numpy.zeros((1, 17), numpy.float32)) for each in Path(sys.argv[1], 'weights').iterdir()]" %t
// RUN: not tf2c-opt %t/damaged/network.mlir 2>&1 | filecheck %s --check-prefix=DAMAGED

// A blob of more than 16 elements goes to the folder beside the text, and comes back from it.

// CHECK-LABEL: func.func @main
// CHECK-NEXT:    %w = graph.constant <"[[DIGEST:[0-9a-f]+]]"> : tensor<1x17xf32>
// FOLDER:      {{^[0-9a-f]+\.npy$}}
// FOLDER-NOT:  npy
// NOWHERE:     error: {{.*}}nowhere/network.mlir: No such file or directory
// MISSING:     error: {{.*}}network.mlir: `graph.constant`: expected blob {{.*}}damaged/weights/{{[0-9a-f]+}}.npy, got
// DAMAGED:     error: {{.*}}network.mlir: `graph.constant`: expected blob {{.*}}.npy to have the digest in its name
func.func @main(%x: tensor<?x17xf32>) -> tensor<?x1xf32> {
  %w = graph.constant <1x17xf32, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17]> : tensor<1x17xf32>
  %y = graph.gemm %x, %w : tensor<?x17xf32>, tensor<1x17xf32> -> tensor<?x1xf32>
  func.return %y : tensor<?x1xf32>
}
