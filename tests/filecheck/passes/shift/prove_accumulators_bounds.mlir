// RUN: tf2c-opt %s -p 'prove-accumulators{bits=16}' | filecheck %s
// RUN: not tf2c-opt %s -p 'prove-accumulators{bits=15}' 2>&1 | filecheck %s --check-prefix=REFUSED

// What is known of numbers stays known where they are averaged, moved and joined. The slice is in 0..127
// like what it is from, the average in 0..255, as its scale may be finer; so 96 * 255 = 24480 is the most,
// of two terms.

// REFUSED:      error: layer `last`: channel 0 may reach 24480, which does not fit 15 bits
// REFUSED-NEXT: hint: split the layer: it sums too many products for its accumulators
// REFUSED-NOT:  {{.}}

// CHECK-LABEL: func.func @main(%a: tensor<?x1x2x2xi32, #int8.pow2<-12>>) -> tensor<?x1x1x1xi32, #int8.pow2<-11>>
// CHECK-NEXT:    %r = int8.requantize %a shift [7] bounds [0, 127] : tensor<?x1x2x2xi32, #int8.pow2<-12>> -> tensor<?x1x2x2xui8, #int8.pow2<-5>>
// CHECK-NEXT:    %p = int8.average_pool %r kernel [2, 2] : tensor<?x1x2x2xui8, #int8.pow2<-5>> -> tensor<?x1x1x1xui8, #int8.pow2<-5>>
// CHECK-NEXT:    %s = layout.slice %r from [0, 1, 1] to [1, 2, 2] step [1, 1, 1] : (tensor<?x1x2x2xui8, #int8.pow2<-5>>) -> tensor<?x1x1x1xui8, #int8.pow2<-5>>
// CHECK-NEXT:    %c = layout.concat %s, %p axis 1 : (tensor<?x1x1x1xui8, #int8.pow2<-5>>, tensor<?x1x1x1xui8, #int8.pow2<-5>>) -> tensor<?x2x1x1xui8, #int8.pow2<-5>>
// CHECK-NEXT:    %w = shift.constant <1x2x1x1xui8, [119, 86]> : tensor<1x2x1x1xi8, #shift.code<-6>>
// CHECK-NEXT:    %b = int8.constant <1xi32, [0]> : tensor<1xi32, #int8.pow2<-11>>
// CHECK-NEXT:    %y = shift.conv %c, %w, %b : tensor<?x2x1x1xui8, #int8.pow2<-5>>, tensor<1x2x1x1xi8, #shift.code<-6>>, tensor<1xi32, #int8.pow2<-11>> -> tensor<?x1x1x1xi32, #int8.pow2<-11>>
// CHECK-NEXT:    func.return %y : tensor<?x1x1x1xi32, #int8.pow2<-11>>
func.func @main(%a: tensor<?x1x2x2xi32, #int8.pow2<-12>>) -> tensor<?x1x1x1xi32, #int8.pow2<-11>> {
  %r = int8.requantize %a shift [7] bounds [0, 127] : tensor<?x1x2x2xi32, #int8.pow2<-12>> -> tensor<?x1x2x2xui8, #int8.pow2<-5>>
  %p = int8.average_pool %r kernel [2, 2] : tensor<?x1x2x2xui8, #int8.pow2<-5>> -> tensor<?x1x1x1xui8, #int8.pow2<-5>>
  %s = layout.slice %r from [0, 1, 1] to [1, 2, 2] step [1, 1, 1] : (tensor<?x1x2x2xui8, #int8.pow2<-5>>) -> tensor<?x1x1x1xui8, #int8.pow2<-5>>
  %c = layout.concat %s, %p axis 1 : (tensor<?x1x1x1xui8, #int8.pow2<-5>>, tensor<?x1x1x1xui8, #int8.pow2<-5>>) -> tensor<?x2x1x1xui8, #int8.pow2<-5>>
  %w = shift.constant <1x2x1x1xui8, [119, 86]> : tensor<1x2x1x1xi8, #shift.code<-6>>
  %b = int8.constant <1xi32, [0]> : tensor<1xi32, #int8.pow2<-11>>
  %y = shift.conv %c, %w, %b : tensor<?x2x1x1xui8, #int8.pow2<-5>>, tensor<1x2x1x1xi8, #shift.code<-6>>, tensor<1xi32, #int8.pow2<-11>> -> tensor<?x1x1x1xi32, #int8.pow2<-11>> loc("last")
  func.return %y : tensor<?x1x1x1xi32, #int8.pow2<-11>>
}
