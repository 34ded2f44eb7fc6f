// RUN: not tf2c-opt %s -p 'choose-scales{method="median"}' 2>&1 | filecheck %s

// There are two ways to choose.

// CHECK-NOT:  Traceback
// CHECK:      error: expected a method of mse, minmax, got `median`
// CHECK-NOT:  {{.}}
func.func @main(%x: tensor<?x2x1x1xf32>) -> tensor<?x2x1x1xf32> {
  func.return %x : tensor<?x2x1x1xf32>
}
