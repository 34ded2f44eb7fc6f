// RUN: not tf2c-opt %s -p dce --check 2>&1 | filecheck %s

// Only a network can be run: one function `main` of one tensor.

// CHECK-NOT: Traceback
// CHECK:     error: expected {{.*}}
// CHECK-NOT: {{.}}
func.func @main(%x: tensor<?x4xf32>, %y: tensor<?x4xf32>) -> tensor<?x4xf32> {
  func.return %y : tensor<?x4xf32>
}
