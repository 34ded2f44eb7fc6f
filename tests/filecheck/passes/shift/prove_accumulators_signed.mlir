// RUN: tf2c-opt %s -p 'prove-accumulators{bits=15}' | filecheck %s
// RUN: not tf2c-opt %s -p 'prove-accumulators{bits=14}' 2>&1 | filecheck %s --check-prefix=REFUSED

// An average of numbers with a sign has one, too: -128 * -64 is 8192, which 14 bits do not hold.

// REFUSED:      error: layer `negating`: channel 0 may reach 8192, which does not fit 14 bits
// REFUSED-NEXT: hint: split the layer: it sums too many products for its accumulators
// REFUSED-NOT:  {{.}}

// CHECK-LABEL: func.func @signed(%q: tensor<?x1x2x2xi8, #int8.pow2<-5>>) -> tensor<?x1x1x1xi32, #int8.pow2<-11>>
// CHECK-NEXT:    %p = int8.average_pool %q kernel [2, 2] : tensor<?x1x2x2xi8, #int8.pow2<-5>> -> tensor<?x1x1x1xi8, #int8.pow2<-5>>
// CHECK-NEXT:    %w = shift.constant <1x1x1x1xui8, [14]> : tensor<1x1x1x1xi4, #shift.code<-6>>
// CHECK-NEXT:    %b = int8.constant <1xi32, [0]> : tensor<1xi32, #int8.pow2<-11>>
// CHECK-NEXT:    %y = shift.conv %p, %w, %b : tensor<?x1x1x1xi8, #int8.pow2<-5>>, tensor<1x1x1x1xi4, #shift.code<-6>>, tensor<1xi32, #int8.pow2<-11>> -> tensor<?x1x1x1xi32, #int8.pow2<-11>>
// CHECK-NEXT:    func.return %y : tensor<?x1x1x1xi32, #int8.pow2<-11>>
func.func @signed(%q: tensor<?x1x2x2xi8, #int8.pow2<-5>>) -> tensor<?x1x1x1xi32, #int8.pow2<-11>> {
  %p = int8.average_pool %q kernel [2, 2] : tensor<?x1x2x2xi8, #int8.pow2<-5>> -> tensor<?x1x1x1xi8, #int8.pow2<-5>>
  %w = shift.constant <1x1x1x1xui8, [14]> : tensor<1x1x1x1xi4, #shift.code<-6>>
  %b = int8.constant <1xi32, [0]> : tensor<1xi32, #int8.pow2<-11>>
  %y = shift.conv %p, %w, %b : tensor<?x1x1x1xi8, #int8.pow2<-5>>, tensor<1x1x1x1xi4, #shift.code<-6>>, tensor<1xi32, #int8.pow2<-11>> -> tensor<?x1x1x1xi32, #int8.pow2<-11>> loc("negating")
  func.return %y : tensor<?x1x1x1xi32, #int8.pow2<-11>>
}
