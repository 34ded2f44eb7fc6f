// RUN: not tf2c-opt %s -p convert-shift-to-dataflow 2>&1 | filecheck %s

// The engine has neither alpha nor beta.

// CHECK-NOT:  Traceback
// CHECK:      error: layer `scaled`: the engine multiplies by numbers of 16 bits, not by alpha and beta of TF2
// CHECK-NEXT: hint: stop before the engine with `--to shift`: the interpreter runs it
// CHECK-NOT:  {{.}}
func.func @main(%f: tensor<?x1x1x1xf32>) -> tensor<?x1x1x1xi8, #int8.pow2<3>> {
  %x = int8.quantize %f : tensor<?x1x1x1xf32> -> tensor<?x1x1x1xi8, #int8.pow2<-6>>
  %w = shift.constant <1x1x1x1xui8, [6]> : tensor<1x1x1x1xi4, #shift.code<-6>>
  %b = int8.constant <1xi32, [0]> : tensor<1xi32, #int8.pow2<-12>>
  %m = int8.constant <1xi32, [1048576]> : tensor<1xi32, #int8.pow2<-20>>
  %a = shift.conv %x, %w, %b : tensor<?x1x1x1xi8, #int8.pow2<-6>>, tensor<1x1x1x1xi4, #shift.code<-6>>, tensor<1xi32, #int8.pow2<-12>> -> tensor<?x1x1x1xi32, #int8.pow2<-12>> loc("sums")
  %y = shift.rescale %a, %m, %b bounds [-128, 127] : tensor<?x1x1x1xi32, #int8.pow2<-12>>, tensor<1xi32, #int8.pow2<-20>>, tensor<1xi32, #int8.pow2<-12>> -> tensor<?x1x1x1xi8, #int8.pow2<3>> loc("scaled")
  func.return %y : tensor<?x1x1x1xi8, #int8.pow2<3>>
}
