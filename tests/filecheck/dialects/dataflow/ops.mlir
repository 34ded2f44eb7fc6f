// RUN: tf2c-opt %s | tf2c-opt | filecheck %s
// RUN: tf2c-opt %s --print-op-generic | tf2c-opt | filecheck %s

// Every op round-trips in both formats, before and after it has got its place (`at`).

// CHECK:       dataflow.engine filter_vector 16 channel_vector 8 weight_depth 1024 channel_depth 512
dataflow.engine filter_vector 16 channel_vector 8 weight_depth 1024 channel_depth 512

// CHECK-LABEL: func.func @input
// CHECK-NEXT:    %x = dataflow.input %q : tensor<?x1x8x8xi8, #int8.pow2<-7>> -> tensor<?x1x8x8xi8, #int8.pow2<-7>>
// CHECK-NEXT:    %y = dataflow.input %q at 512 : tensor<?x1x8x8xi8, #int8.pow2<-7>> -> tensor<?x1x8x8xi8, #int8.pow2<-7>>
func.func @input(%q: tensor<?x1x8x8xi8, #int8.pow2<-7>>) {
  %x = dataflow.input %q : tensor<?x1x8x8xi8, #int8.pow2<-7>> -> tensor<?x1x8x8xi8, #int8.pow2<-7>>
  %y = dataflow.input %q at 512 : tensor<?x1x8x8xi8, #int8.pow2<-7>> -> tensor<?x1x8x8xi8, #int8.pow2<-7>>
  func.return
}

// CHECK-LABEL: func.func @job
// CHECK-NEXT:    %raw = dataflow.job %x, %w, %b : tensor<?x1x8x8xi8, #int8.pow2<-7>>, tensor<2x1x3x3xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2x6x6xi32, #int8.pow2<-13>>
// CHECK-NEXT:    %full = dataflow.job %x, %w, %b residual %r : tensor<?x2x4x4xi8, #int8.pow2<-5>> strides [2, 2] pads [1, 1, 1, 1] multipliers [4194304, 8388608] bounds [0, 127] pool [3, 3] pool_strides [2, 2] pool_pads [1, 1, 0, 0] at 1024 : tensor<?x1x8x8xi8, #int8.pow2<-7>>, tensor<2x1x3x3xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2x2x2xi8, #int8.pow2<-5>>
func.func @job(%x: tensor<?x1x8x8xi8, #int8.pow2<-7>>, %w: tensor<2x1x3x3xi4, #shift.code<-6>>, %b: tensor<2xi32, #int8.pow2<-13>>, %r: tensor<?x2x4x4xi8, #int8.pow2<-5>>) {
  %raw = dataflow.job %x, %w, %b : tensor<?x1x8x8xi8, #int8.pow2<-7>>, tensor<2x1x3x3xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2x6x6xi32, #int8.pow2<-13>>
  %full = dataflow.job %x, %w, %b residual %r : tensor<?x2x4x4xi8, #int8.pow2<-5>> strides [2, 2] pads [1, 1, 1, 1] multipliers [4194304, 8388608] bounds [0, 127] pool [3, 3] pool_strides [2, 2] pool_pads [1, 1, 0, 0] at 1024 : tensor<?x1x8x8xi8, #int8.pow2<-7>>, tensor<2x1x3x3xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2x2x2xi8, #int8.pow2<-5>>
  func.return
}
