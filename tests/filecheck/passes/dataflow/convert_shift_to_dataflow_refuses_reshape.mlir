// RUN: not tf2c-opt %s -p convert-shift-to-dataflow 2>&1 | filecheck %s

// An image lies as it lies.

// CHECK-NOT:  Traceback
// CHECK:      error: layer `pool`: expected an image of 2x2x2, as it lies in memory, got it as 2x4x1
// CHECK-NEXT: hint: cut the network in front of the reshaping layer with `--outputs`
// CHECK-NOT:  {{.}}
func.func @main(%f: tensor<?x2x2x2xf32>) -> tensor<?x2x3x1xi8, #int8.pow2<-6>> {
  %x = int8.quantize %f : tensor<?x2x2x2xf32> -> tensor<?x2x2x2xi8, #int8.pow2<-6>>
  %r = layout.reshape %x : (tensor<?x2x2x2xi8, #int8.pow2<-6>>) -> tensor<?x2x4x1xi8, #int8.pow2<-6>>
  %y = int8.max_pool %r kernel [2, 1] : tensor<?x2x4x1xi8, #int8.pow2<-6>> -> tensor<?x2x3x1xi8, #int8.pow2<-6>> loc("pool")
  func.return %y : tensor<?x2x3x1xi8, #int8.pow2<-6>>
}
