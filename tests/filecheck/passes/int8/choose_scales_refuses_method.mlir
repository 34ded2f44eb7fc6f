// RUN: not tf2c-opt %s -p 'choose-scales{method="median"}' 2>&1 | filecheck %s

// The ways to choose are listed.

// CHECK-NOT:  Traceback
// CHECK:      error: expected a method of mse, minmax, percentile, entropy, got `median`
// CHECK-NOT:  {{.}}
func.func @main(%x: tensor<?x2x1x1xf32>) -> tensor<?x2x1x1xf32> {
  func.return %x : tensor<?x2x1x1xf32>
}
