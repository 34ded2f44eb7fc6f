// RUN: not tf2c-opt %s -p convert-shift-to-dataflow 2>&1 | filecheck %s

// The engine's weights are codes, not TF2's bytes.

// CHECK-NOT:  Traceback
// CHECK:      error: layer `layer 0`: the engine's lanes take weight codes of 4 bits, these are bytes of TF2
// CHECK-NEXT: hint: stop before the engine with `--to shift`: the interpreter runs it
// CHECK-NOT:  {{.}}
func.func @main(%x: tensor<?x1x1x1xi8, #int8.pow2<0>>) -> tensor<?x1x1x1xi8, #int8.pow2<0>> {
  %w = shift.constant <1x1x1x1xui8, [143]> : tensor<1x1x1x1xui8, #shift.byte> loc("layer 0")
  %b = int8.constant <1xi32, [0]> : tensor<1xi32, #int8.pow2<-15>> loc("layer 0")
  %m = int8.constant <1xi32, [1048576]> : tensor<1xi32, #int8.pow2<-20>> loc("layer 0")
  %a = shift.conv %x, %w, %b negates_in_8_bits : tensor<?x1x1x1xi8, #int8.pow2<0>>, tensor<1x1x1x1xui8, #shift.byte>, tensor<1xi32, #int8.pow2<-15>> -> tensor<?x1x1x1xi32, #int8.pow2<-15>> loc("layer 0")
  %y = shift.rescale %a, %m, %b bounds [-128, 127] : tensor<?x1x1x1xi32, #int8.pow2<-15>>, tensor<1xi32, #int8.pow2<-20>>, tensor<1xi32, #int8.pow2<-15>> -> tensor<?x1x1x1xi8, #int8.pow2<0>> loc("layer 0")
  func.return %y : tensor<?x1x1x1xi8, #int8.pow2<0>>
}
