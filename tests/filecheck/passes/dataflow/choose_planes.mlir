// RUN: tf2c-opt %s --split-input-file -p choose-planes | filecheck %s

// The pixels of a row of 8 are read by twos: from a raster, four pixels of each vector of 8 want the banks
// of the other four. What reads single pixels takes them in the order of the planes, and what it computes
// is read as a raster, or in planes of its own.

dataflow.engine filter_vector 8 channel_vector 8 pixel_vector 8 largest_split 1 weight_depth 64 channel_depth 512

// CHECK-LABEL: func.func @strided
// CHECK:         %a = dataflow.job %x, %w, %b multipliers [16777216] planes [2, 2] :
// CHECK-NEXT:    %c = dataflow.job %a, %w, %b strides [2, 2] multipliers [16777216] :
// CHECK-NEXT:    %d = dataflow.job %a, %w, %b multipliers [16777216] order [2, 2] planes [1, 2] :
// CHECK-NEXT:    %e = dataflow.job %d, %w, %b strides [1, 2] multipliers [16777216] :
func.func @strided(%x: tensor<?x8x8x8xi8, #int8.pow2<-7>>, %w: tensor<8x8x1x1xi4, #shift.code<0>>, %b: tensor<8xi32, #int8.pow2<-7>>) {
  %a = dataflow.job %x, %w, %b multipliers [16777216] : tensor<?x8x8x8xi8, #int8.pow2<-7>>, tensor<8x8x1x1xi4, #shift.code<0>>, tensor<8xi32, #int8.pow2<-7>> -> tensor<?x8x8x8xi8, #int8.pow2<-7>>
  %c = dataflow.job %a, %w, %b strides [2, 2] multipliers [16777216] : tensor<?x8x8x8xi8, #int8.pow2<-7>>, tensor<8x8x1x1xi4, #shift.code<0>>, tensor<8xi32, #int8.pow2<-7>> -> tensor<?x8x4x4xi8, #int8.pow2<-7>>
  %d = dataflow.job %a, %w, %b multipliers [16777216] : tensor<?x8x8x8xi8, #int8.pow2<-7>>, tensor<8x8x1x1xi4, #shift.code<0>>, tensor<8xi32, #int8.pow2<-7>> -> tensor<?x8x8x8xi8, #int8.pow2<-7>>
  %e = dataflow.job %d, %w, %b strides [1, 2] multipliers [16777216] : tensor<?x8x8x8xi8, #int8.pow2<-7>>, tensor<8x8x1x1xi4, #shift.code<0>>, tensor<8xi32, #int8.pow2<-7>> -> tensor<?x8x8x4xi8, #int8.pow2<-7>>
  func.return
}

// -----

// Three readers without a stride, of windows, outweigh the one with.

dataflow.engine filter_vector 8 channel_vector 8 pixel_vector 8 largest_split 1 weight_depth 64 channel_depth 512

// CHECK-LABEL: func.func @raster
// CHECK-NOT:     planes
func.func @raster(%x: tensor<?x8x8x8xi8, #int8.pow2<-7>>, %w: tensor<8x8x1x1xi4, #shift.code<0>>, %v: tensor<8x8x3x3xi4, #shift.code<0>>, %b: tensor<8xi32, #int8.pow2<-7>>) {
  %a = dataflow.job %x, %w, %b multipliers [16777216] : tensor<?x8x8x8xi8, #int8.pow2<-7>>, tensor<8x8x1x1xi4, #shift.code<0>>, tensor<8xi32, #int8.pow2<-7>> -> tensor<?x8x8x8xi8, #int8.pow2<-7>>
  %c = dataflow.job %a, %w, %b strides [2, 2] multipliers [16777216] : tensor<?x8x8x8xi8, #int8.pow2<-7>>, tensor<8x8x1x1xi4, #shift.code<0>>, tensor<8xi32, #int8.pow2<-7>> -> tensor<?x8x4x4xi8, #int8.pow2<-7>>
  %d = dataflow.job %a, %v, %b pads [1, 1, 1, 1] multipliers [16777216] : tensor<?x8x8x8xi8, #int8.pow2<-7>>, tensor<8x8x3x3xi4, #shift.code<0>>, tensor<8xi32, #int8.pow2<-7>> -> tensor<?x8x8x8xi8, #int8.pow2<-7>>
  func.return
}
