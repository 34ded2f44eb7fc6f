// RUN: not tf2c-opt %s -p convert-shift-to-dataflow 2>&1 | filecheck %s

// Neither does the host get it in another shape.

// CHECK-NOT:  Traceback
// CHECK:      error: layer `rows`: expected an image of 2x2x2, as it lies in memory, got it as 2x4
// CHECK-NEXT: hint: cut the network in front of the reshaping layer with `--outputs`
// CHECK-NOT:  {{.}}
func.func @main(%f: tensor<?x2x2x2xf32>) -> tensor<?x2x4xi8, #int8.pow2<-6>> {
  %x = int8.quantize %f : tensor<?x2x2x2xf32> -> tensor<?x2x2x2xi8, #int8.pow2<-6>>
  %p = int8.max_pool %x kernel [1, 1] : tensor<?x2x2x2xi8, #int8.pow2<-6>> -> tensor<?x2x2x2xi8, #int8.pow2<-6>>
  %y = layout.reshape %p : (tensor<?x2x2x2xi8, #int8.pow2<-6>>) -> tensor<?x2x4xi8, #int8.pow2<-6>> loc("rows")
  func.return %y : tensor<?x2x4xi8, #int8.pow2<-6>>
}
