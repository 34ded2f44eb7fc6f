// RUN: tf2c-opt %s -p 'prove-accumulators{bits=15}' | filecheck %s
// RUN: not tf2c-opt %s -p 'prove-accumulators{bits=14}' 2>&1 | filecheck %s --check-prefix=REFUSED

// Jobs are proved like the layers that they come from: two terms are 96, which times 127 is 12192, and
// a bias of -10000 lets nothing but the least be lower; the input is what the first job leaves, in 0..127.

// REFUSED:      error: layer `last`: channel 0 may reach -10000, which does not fit 14 bits
// REFUSED-NEXT: hint: split the layer: it sums too many products for its accumulators
// REFUSED-NOT:  {{.}}

// CHECK-LABEL: func.func @main
// CHECK:         dataflow.job %y, %w, %c
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512

func.func @main(%x: tensor<?x1x4x4xi8, #int8.pow2<-7>>) -> tensor<?x1x4x4xi8, #int8.pow2<-3>> {
  %v = shift.constant <1x1x1x1xui8, [0]> : tensor<1x1x1x1xi4, #shift.code<-6>>
  %b = int8.constant <1xi32, [0]> : tensor<1xi32, #int8.pow2<-13>>
  %w = shift.constant <1x1x1x1xui8, [86]> : tensor<1x1x1x1xi8, #shift.code<-6>>
  %c = int8.constant <1xi32, [-10000]> : tensor<1xi32, #int8.pow2<-11>>
  %y = dataflow.job %x, %v, %b multipliers [4194304] bounds [0, 127] : tensor<?x1x4x4xi8, #int8.pow2<-7>>, tensor<1x1x1x1xi4, #shift.code<-6>>, tensor<1xi32, #int8.pow2<-13>> -> tensor<?x1x4x4xi8, #int8.pow2<-5>> loc("first")
  %z = dataflow.job %y, %w, %c multipliers [4194304] : tensor<?x1x4x4xi8, #int8.pow2<-5>>, tensor<1x1x1x1xi8, #shift.code<-6>>, tensor<1xi32, #int8.pow2<-11>> -> tensor<?x1x4x4xi8, #int8.pow2<-3>> loc("last")
  func.return %z : tensor<?x1x4x4xi8, #int8.pow2<-3>>
}
