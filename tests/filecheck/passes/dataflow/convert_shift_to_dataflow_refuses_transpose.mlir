// RUN: not tf2c-opt %s -p convert-shift-to-dataflow 2>&1 | filecheck %s

// The engine transposes nothing.

// CHECK-NOT:  Traceback
// CHECK:      error: layer `turn`: the engine keeps channels first and transposes nothing
// CHECK-NEXT: hint: cut the network in front of it with `--outputs`
// CHECK-NOT:  {{.}}
func.func @main(%f: tensor<?x2x2x2xf32>) -> tensor<?x2x2x2xi8, #int8.pow2<-6>> {
  %x = int8.quantize %f : tensor<?x2x2x2xf32> -> tensor<?x2x2x2xi8, #int8.pow2<-6>>
  %y = layout.transpose %x [0, 2, 1, 3] : (tensor<?x2x2x2xi8, #int8.pow2<-6>>) -> tensor<?x2x2x2xi8, #int8.pow2<-6>> loc("turn")
  func.return %y : tensor<?x2x2x2xi8, #int8.pow2<-6>>
}
