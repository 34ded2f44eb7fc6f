// RUN: tf2c-opt %s --split-input-file -p fold-first-layer | filecheck %s

// 2 x 2 taps of 3 channels in 4 words become 12 channels in 2.

dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 1 weight_depth 64 channel_depth 512

// CHECK-LABEL: func.func @all_rows
// CHECK:         %0 = dataflow.input %q fold [2, 2] fold_strides [2, 2] : tensor<?x3x4x4xi8, #int8.pow2<-7>> -> tensor<?x12x2x2xi8, #int8.pow2<-7>>
// CHECK:         shift.constant <1x12x1x1xui8, [1, 5, 10, 2, 6, 11, 3, 8, 12, 4, 9, 13]> : tensor<1x12x1x1xi4, #shift.code<0>>
// CHECK-NEXT:    %{{.*}} = dataflow.job %0, %{{.*}}, %b multipliers [16777216] : tensor<?x12x2x2xi8, #int8.pow2<-7>>
func.func @all_rows(%q: tensor<?x3x4x4xi8, #int8.pow2<-7>>, %b: tensor<1xi32, #int8.pow2<-7>>) -> tensor<?x1x2x2xi8, #int8.pow2<-7>> {
  %x = dataflow.input %q : tensor<?x3x4x4xi8, #int8.pow2<-7>> -> tensor<?x3x4x4xi8, #int8.pow2<-7>>
  %w = shift.constant <1x3x2x2xui8, [1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13]> : tensor<1x3x2x2xi4, #shift.code<0>>
  %y = dataflow.job %x, %w, %b strides [2, 2] multipliers [16777216] : tensor<?x3x4x4xi8, #int8.pow2<-7>>, tensor<1x3x2x2xi4, #shift.code<0>>, tensor<1xi32, #int8.pow2<-7>> -> tensor<?x1x2x2xi8, #int8.pow2<-7>>
  func.return %y : tensor<?x1x2x2xi8, #int8.pow2<-7>>
}

// -----

// 3 x 3 taps in 9 words: two rows of them are 6 channels, and a third row of the kernel becomes a fourth
// of zeros (7); a word each, and one row more below the image.

dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 1 weight_depth 64 channel_depth 512

// CHECK-LABEL: func.func @two_rows
// CHECK:         %0 = dataflow.input %q fold [2, 3] fold_strides [2, 2] fold_pads [1, 1, 1, 0] : tensor<?x1x4x6xi8, #int8.pow2<-7>> -> tensor<?x6x3x3xi8, #int8.pow2<-7>>
// CHECK:         shift.constant <1x6x2x1xui8, [0, 8, 1, 9, 2, 10, 3, 7, 4, 7, 5, 7]> : tensor<1x6x2x1xi4, #shift.code<0>>
// CHECK-NEXT:    %{{.*}} = dataflow.job %0, %{{.*}}, %b multipliers [16777216] : tensor<?x6x3x3xi8, #int8.pow2<-7>>
func.func @two_rows(%q: tensor<?x1x4x6xi8, #int8.pow2<-7>>, %b: tensor<1xi32, #int8.pow2<-7>>) -> tensor<?x1x2x3xi8, #int8.pow2<-7>> {
  %x = dataflow.input %q : tensor<?x1x4x6xi8, #int8.pow2<-7>> -> tensor<?x1x4x6xi8, #int8.pow2<-7>>
  %w = shift.constant <1x1x3x3xui8, [0, 1, 2, 3, 4, 5, 8, 9, 10]> : tensor<1x1x3x3xi4, #shift.code<0>>
  %y = dataflow.job %x, %w, %b strides [2, 2] pads [1, 1, 0, 0] multipliers [16777216] : tensor<?x1x4x6xi8, #int8.pow2<-7>>, tensor<1x1x3x3xi4, #shift.code<0>>, tensor<1xi32, #int8.pow2<-7>> -> tensor<?x1x2x3xi8, #int8.pow2<-7>>
  func.return %y : tensor<?x1x2x3xi8, #int8.pow2<-7>>
}

// -----

// Not what two layers read, and not what is no wider than a vector of channels already.

dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 1 weight_depth 64 channel_depth 512

// CHECK-LABEL: func.func @two_readers
// CHECK:         dataflow.input %q :
func.func @two_readers(%q: tensor<?x1x4x4xi8, #int8.pow2<-7>>, %b: tensor<1xi32, #int8.pow2<-7>>) -> (tensor<?x1x3x3xi8, #int8.pow2<-7>>, tensor<?x1x3x3xi8, #int8.pow2<-7>>) {
  %x = dataflow.input %q : tensor<?x1x4x4xi8, #int8.pow2<-7>> -> tensor<?x1x4x4xi8, #int8.pow2<-7>>
  %w = shift.constant <1x1x2x2xui8, [1, 2, 3, 4]> : tensor<1x1x2x2xi4, #shift.code<0>>
  %y = dataflow.job %x, %w, %b multipliers [16777216] : tensor<?x1x4x4xi8, #int8.pow2<-7>>, tensor<1x1x2x2xi4, #shift.code<0>>, tensor<1xi32, #int8.pow2<-7>> -> tensor<?x1x3x3xi8, #int8.pow2<-7>>
  %z = dataflow.job %x, %w, %b multipliers [16777216] : tensor<?x1x4x4xi8, #int8.pow2<-7>>, tensor<1x1x2x2xi4, #shift.code<0>>, tensor<1xi32, #int8.pow2<-7>> -> tensor<?x1x3x3xi8, #int8.pow2<-7>>
  func.return %y, %z : tensor<?x1x3x3xi8, #int8.pow2<-7>>, tensor<?x1x3x3xi8, #int8.pow2<-7>>
}

// -----

dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 1 weight_depth 64 channel_depth 512

// CHECK-LABEL: func.func @one_pixel
// CHECK:         dataflow.input %q :
func.func @one_pixel(%q: tensor<?x3x4x4xi8, #int8.pow2<-7>>, %b: tensor<1xi32, #int8.pow2<-7>>) -> tensor<?x1x4x4xi8, #int8.pow2<-7>> {
  %x = dataflow.input %q : tensor<?x3x4x4xi8, #int8.pow2<-7>> -> tensor<?x3x4x4xi8, #int8.pow2<-7>>
  %w = shift.constant <1x3x1x1xui8, [1, 2, 3]> : tensor<1x3x1x1xi4, #shift.code<0>>
  %y = dataflow.job %x, %w, %b multipliers [16777216] : tensor<?x3x4x4xi8, #int8.pow2<-7>>, tensor<1x3x1x1xi4, #shift.code<0>>, tensor<1xi32, #int8.pow2<-7>> -> tensor<?x1x4x4xi8, #int8.pow2<-7>>
  func.return %y : tensor<?x1x4x4xi8, #int8.pow2<-7>>
}
