// RUN: not tf2c-opt %s -p convert-shift-to-dataflow 2>&1 | filecheck %s

// Five dimensions are too many.

// CHECK-NOT:  Traceback
// CHECK:      error: layer `five`: the engine's tensors have at most four dimensions
// CHECK-NEXT: hint: cut the network in front of it with `--outputs`
// CHECK-NOT:  {{.}}
func.func @main(%f: tensor<?x2x2x2xf32>) -> tensor<?x2x2x2x1xi8, #int8.pow2<-6>> {
  %x = int8.quantize %f : tensor<?x2x2x2xf32> -> tensor<?x2x2x2xi8, #int8.pow2<-6>>
  %y = layout.reshape %x : (tensor<?x2x2x2xi8, #int8.pow2<-6>>) -> tensor<?x2x2x2x1xi8, #int8.pow2<-6>> loc("five")
  func.return %y : tensor<?x2x2x2x1xi8, #int8.pow2<-6>>
}
