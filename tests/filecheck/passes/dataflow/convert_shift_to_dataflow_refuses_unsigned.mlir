// RUN: not tf2c-opt %s -p convert-shift-to-dataflow 2>&1 | filecheck %s

// The engine's lanes are signed.

// CHECK-NOT:  Traceback
// CHECK:      error: layer `first`: the engine's lanes take signed numbers, these are ui8
// CHECK-NEXT: hint: compile with `--activations int8`, or stop before the engine with `--to shift`
// CHECK-NOT:  {{.}}
func.func @main(%f: tensor<?x1x1x1xf32>) -> tensor<?x1x1x1xui8, #int8.pow2<-6>> {
  %x = int8.quantize %f : tensor<?x1x1x1xf32> -> tensor<?x1x1x1xi8, #int8.pow2<-6>>
  %w = shift.constant <1x1x1x1xui8, [6]> : tensor<1x1x1x1xi4, #shift.code<-6>>
  %b = int8.constant <1xi32, [0]> : tensor<1xi32, #int8.pow2<-12>>
  %a = shift.conv %x, %w, %b : tensor<?x1x1x1xi8, #int8.pow2<-6>>, tensor<1x1x1x1xi4, #shift.code<-6>>, tensor<1xi32, #int8.pow2<-12>> -> tensor<?x1x1x1xi32, #int8.pow2<-12>> loc("first")
  %y = int8.requantize %a shift [6] bounds [0, 255] : tensor<?x1x1x1xi32, #int8.pow2<-12>> -> tensor<?x1x1x1xui8, #int8.pow2<-6>> loc("first")
  func.return %y : tensor<?x1x1x1xui8, #int8.pow2<-6>>
}
