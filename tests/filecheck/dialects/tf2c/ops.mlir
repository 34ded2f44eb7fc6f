// RUN: tf2c-opt %s | tf2c-opt | filecheck %s
// RUN: tf2c-opt %s --print-op-generic | tf2c-opt | filecheck %s
// RUN: tf2c-opt %s --print-op-generic | filecheck %s --check-prefix=GENERIC

// Short blobs of every element type are written out and come back bit for bit.

// CHECK-LABEL: func.func @element_types
// CHECK-NEXT:    %f = graph.constant <5xf32, [0.5, -1.0, 0.1, 1.0e-30, 1048576.0]> : tensor<5xf32>
// CHECK-NEXT:    %b = int8.constant <2xi8, [-128, 127]> : tensor<2xi8, #int8.pow2<-7>>
// CHECK-NEXT:    %w = int8.constant <2xi32, [-2147483648, 2147483647]> : tensor<2xi32, #int8.pow2<-9>>
// CHECK-NEXT:    %c = shift.constant <1x2xui8, [14, 7]> : tensor<1x2xi4, #shift.code<-6>>

// GENERIC: value = #tf2c.blob<5xf32, [0.5, -1.0, 0.1, 1.0e-30, 1048576.0]>
// GENERIC: value = #tf2c.blob<2xi8, [-128, 127]>
// GENERIC: value = #tf2c.blob<2xi32, [-2147483648, 2147483647]>
// GENERIC: value = #tf2c.blob<1x2xui8, [14, 7]>
func.func @element_types() {
  %f = graph.constant <5xf32, [0.5, -1.0, 0.1, 1.0e-30, 1048576.0]> : tensor<5xf32>
  %b = int8.constant <2xi8, [-128, 127]> : tensor<2xi8, #int8.pow2<-7>>
  %w = int8.constant <2xi32, [-2147483648, 2147483647]> : tensor<2xi32, #int8.pow2<-9>>
  %c = shift.constant <1x2xui8, [14, 7]> : tensor<1x2xi4, #shift.code<-6>>
  func.return
}
