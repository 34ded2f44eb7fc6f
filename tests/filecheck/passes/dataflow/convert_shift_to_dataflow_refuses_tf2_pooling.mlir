// RUN: not tf2c-opt %s -p convert-shift-to-dataflow 2>&1 | filecheck %s

// The engine's padding takes no part, not even in a pooling that would join a layer.

// CHECK-NOT:  Traceback
// CHECK:      error: layer `pool`: the engine's poolings leave padding out, these take it for zeros
// CHECK-NEXT: hint: stop before the engine with `--to shift`: the interpreter runs it
// CHECK-NOT:  {{.}}
func.func @main(%f: tensor<?x1x4x4xf32>) -> tensor<?x1x4x4xi8, #int8.pow2<-6>> {
  %x = int8.quantize %f : tensor<?x1x4x4xf32> -> tensor<?x1x4x4xi8, #int8.pow2<-6>>
  %w = shift.constant <1x1x1x1xui8, [6]> : tensor<1x1x1x1xi4, #shift.code<-6>>
  %b = int8.constant <1xi32, [0]> : tensor<1xi32, #int8.pow2<-12>>
  %a = shift.conv %x, %w, %b : tensor<?x1x4x4xi8, #int8.pow2<-6>>, tensor<1x1x1x1xi4, #shift.code<-6>>, tensor<1xi32, #int8.pow2<-12>> -> tensor<?x1x4x4xi32, #int8.pow2<-12>> loc("conv")
  %s = int8.requantize %a shift [6] bounds [-128, 127] : tensor<?x1x4x4xi32, #int8.pow2<-12>> -> tensor<?x1x4x4xi8, #int8.pow2<-6>> loc("conv")
  %y = int8.max_pool %s kernel [3, 3] pads [1, 1, 1, 1] zero_padded : tensor<?x1x4x4xi8, #int8.pow2<-6>> -> tensor<?x1x4x4xi8, #int8.pow2<-6>> loc("pool")
  func.return %y : tensor<?x1x4x4xi8, #int8.pow2<-6>>
}
