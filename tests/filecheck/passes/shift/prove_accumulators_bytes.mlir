// RUN: tf2c-opt %s -p 'prove-accumulators{bits=14}' | filecheck %s
// RUN: not tf2c-opt %s -p 'prove-accumulators{bits=13}' 2>&1 | filecheck %s --check-prefix=REFUSED

// Negated in 8 bits, -128 stays what it is: -64 times it is -8192, which 14 bits hold, not 8192.

// REFUSED:      error: layer `negating`: channel 0 may reach -8192, which does not fit 13 bits
// REFUSED-NEXT: hint: split the layer: it sums too many products for its accumulators
// REFUSED-NOT:  {{.}}

// CHECK-LABEL: func.func @main
// CHECK:         shift.conv %x, %w, %b negates_in_8_bits
func.func @main(%x: tensor<?x1x1x1xi8, #int8.pow2<0>>) -> tensor<?x1x1x1xi32, #int8.pow2<-15>> {
  %w = shift.constant <1x1x1x1xui8, [134]> : tensor<1x1x1x1xui8, #shift.byte>
  %b = int8.constant <1xi32, [0]> : tensor<1xi32, #int8.pow2<-15>>
  %y = shift.conv %x, %w, %b negates_in_8_bits : tensor<?x1x1x1xi8, #int8.pow2<0>>, tensor<1x1x1x1xui8, #shift.byte>, tensor<1xi32, #int8.pow2<-15>> -> tensor<?x1x1x1xi32, #int8.pow2<-15>> loc("negating")
  func.return %y : tensor<?x1x1x1xi32, #int8.pow2<-15>>
}
