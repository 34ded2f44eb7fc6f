// RUN: not tf2c-opt %s -p convert-shift-to-dataflow 2>&1 | filecheck %s

// Only channels lie one behind the other.

// CHECK-NOT:  Traceback
// CHECK:      error: layer `join`: expected a concatenation of channels, got one along axis 2 of 4 dimensions
// CHECK-NEXT: hint: cut the network in front of it with `--outputs`
// CHECK-NOT:  {{.}}
func.func @main(%f: tensor<?x1x2x2xf32>) -> tensor<?x1x4x2xi8, #int8.pow2<-6>> {
  %x = int8.quantize %f : tensor<?x1x2x2xf32> -> tensor<?x1x2x2xi8, #int8.pow2<-6>>
  %y = layout.concat %x, %x axis 2 : (tensor<?x1x2x2xi8, #int8.pow2<-6>>, tensor<?x1x2x2xi8, #int8.pow2<-6>>) -> tensor<?x1x4x2xi8, #int8.pow2<-6>> loc("join")
  func.return %y : tensor<?x1x4x2xi8, #int8.pow2<-6>>
}
