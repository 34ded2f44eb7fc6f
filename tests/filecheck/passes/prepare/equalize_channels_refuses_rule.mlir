// RUN: not tf2c-opt %s -p 'equalize-channels{rule=median}' 2>&1 | filecheck %s

// The rules are listed.
// CHECK:     error: expected a rule of mse, ceiling, got `median`
// CHECK-NOT: {{.}}
func.func @main(%x: tensor<?x2x1x1xf32>) -> tensor<?x2x1x1xf32> {
  func.return %x : tensor<?x2x1x1xf32>
}
