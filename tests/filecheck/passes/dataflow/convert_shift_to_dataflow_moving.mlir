// RUN: tf2c-opt %s --split-input-file -p convert-shift-to-dataflow | filecheck %s

// What only moves elements is a convolution with a 64 where an element comes from, shifted back by 6.

// A slice of rows and columns is depthwise: the kernel reaches from its first tap, where the one is, as far
// behind the last pixel as the image does.
// CHECK:       dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 1024 channel_depth 512
// CHECK-LABEL: func.func @main(%f: tensor<?x2x4x5xf32>) -> tensor<?x2x2x2xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %x = int8.quantize %f : tensor<?x2x4x5xf32> -> tensor<?x2x4x5xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %x_1 = dataflow.input %x : tensor<?x2x4x5xi8, #int8.pow2<-6>> -> tensor<?x2x4x5xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %0 = shift.constant <2x1x2x2xui8, [7, 7, 6, 7, 7, 7, 6, 7]> : tensor<2x1x2x2xi4, #shift.code<-6>>
// CHECK-NEXT:    %1 = int8.constant <2xi32, [0, 0]> : tensor<2xi32, #int8.pow2<-12>>
// CHECK-NEXT:    %y = dataflow.job %x_1, %0, %1 strides [2, 3] group 2 multipliers [16777216] : tensor<?x2x4x5xi8, #int8.pow2<-6>>, tensor<2x1x2x2xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-12>> -> tensor<?x2x2x2xi8, #int8.pow2<-6>>
// CHECK-NEXT:    func.return %y : tensor<?x2x2x2xi8, #int8.pow2<-6>>
func.func @main(%f: tensor<?x2x4x5xf32>) -> tensor<?x2x2x2xi8, #int8.pow2<-6>> {
  %x = int8.quantize %f : tensor<?x2x4x5xf32> -> tensor<?x2x4x5xi8, #int8.pow2<-6>>
  %y = layout.slice %x from [0, 1, 0] to [2, 4, 5] step [1, 2, 3] : (tensor<?x2x4x5xi8, #int8.pow2<-6>>) -> tensor<?x2x2x2xi8, #int8.pow2<-6>>
  func.return %y : tensor<?x2x2x2xi8, #int8.pow2<-6>>
}

// -----

// A slice of channels picks them.
// CHECK:       dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 1024 channel_depth 512
// CHECK-LABEL: func.func @main(%f: tensor<?x3x1x1xf32>) -> tensor<?x2x1x1xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %x = int8.quantize %f : tensor<?x3x1x1xf32> -> tensor<?x3x1x1xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %x_1 = dataflow.input %x : tensor<?x3x1x1xi8, #int8.pow2<-6>> -> tensor<?x3x1x1xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %0 = shift.constant <2x3x1x1xui8, [6, 7, 7, 7, 7, 6]> : tensor<2x3x1x1xi4, #shift.code<-6>>
// CHECK-NEXT:    %1 = int8.constant <2xi32, [0, 0]> : tensor<2xi32, #int8.pow2<-12>>
// CHECK-NEXT:    %y = dataflow.job %x_1, %0, %1 multipliers [16777216] : tensor<?x3x1x1xi8, #int8.pow2<-6>>, tensor<2x3x1x1xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-12>> -> tensor<?x2x1x1xi8, #int8.pow2<-6>>
// CHECK-NEXT:    func.return %y : tensor<?x2x1x1xi8, #int8.pow2<-6>>
func.func @main(%f: tensor<?x3x1x1xf32>) -> tensor<?x2x1x1xi8, #int8.pow2<-6>> {
  %x = int8.quantize %f : tensor<?x3x1x1xf32> -> tensor<?x3x1x1xi8, #int8.pow2<-6>>
  %y = layout.slice %x from [0, 0, 0] to [3, 1, 1] step [2, 1, 1] : (tensor<?x3x1x1xi8, #int8.pow2<-6>>) -> tensor<?x2x1x1xi8, #int8.pow2<-6>>
  func.return %y : tensor<?x2x1x1xi8, #int8.pow2<-6>>
}

// -----

// Padding is the convolution's, but for channels, which are filters without weights.
// CHECK:       dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 1024 channel_depth 512
// CHECK-LABEL: func.func @main(%f: tensor<?x1x2x2xf32>) -> tensor<?x2x4x3xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %x = int8.quantize %f : tensor<?x1x2x2xf32> -> tensor<?x1x2x2xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %x_1 = dataflow.input %x : tensor<?x1x2x2xi8, #int8.pow2<-6>> -> tensor<?x1x2x2xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %0 = shift.constant <2x1x1x1xui8, [7, 6]> : tensor<2x1x1x1xi4, #shift.code<-6>>
// CHECK-NEXT:    %1 = int8.constant <2xi32, [0, 0]> : tensor<2xi32, #int8.pow2<-12>>
// CHECK-NEXT:    %y = dataflow.job %x_1, %0, %1 pads [0, 1, 2, 0] multipliers [16777216] : tensor<?x1x2x2xi8, #int8.pow2<-6>>, tensor<2x1x1x1xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-12>> -> tensor<?x2x4x3xi8, #int8.pow2<-6>>
// CHECK-NEXT:    func.return %y : tensor<?x2x4x3xi8, #int8.pow2<-6>>
func.func @main(%f: tensor<?x1x2x2xf32>) -> tensor<?x2x4x3xi8, #int8.pow2<-6>> {
  %x = int8.quantize %f : tensor<?x1x2x2xf32> -> tensor<?x1x2x2xi8, #int8.pow2<-6>>
  %y = layout.pad %x low [1, 0, 1] high [0, 2, 0] : (tensor<?x1x2x2xi8, #int8.pow2<-6>>) -> tensor<?x2x4x3xi8, #int8.pow2<-6>>
  func.return %y : tensor<?x2x4x3xi8, #int8.pow2<-6>>
}

// -----

// Of rows, channels are all there is; those of a flattened image become channels first.
// CHECK:       dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 1024 channel_depth 512
// CHECK-LABEL: func.func @main(%f: tensor<?x1x1x2xf32>) -> tensor<?x3xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %x = int8.quantize %f : tensor<?x1x1x2xf32> -> tensor<?x1x1x2xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %x_1 = dataflow.input %x : tensor<?x1x1x2xi8, #int8.pow2<-6>> -> tensor<?x1x1x2xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %0 = shift.constant <2x1x1x2xui8, [6, 7, 7, 6]> : tensor<2x1x1x2xi4, #shift.code<-6>>
// CHECK-NEXT:    %1 = int8.constant <2xi32, [0, 0]> : tensor<2xi32, #int8.pow2<-12>>
// CHECK-NEXT:    %2 = dataflow.job %x_1, %0, %1 multipliers [16777216] : tensor<?x1x1x2xi8, #int8.pow2<-6>>, tensor<2x1x1x2xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-12>> -> tensor<?x2x1x1xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %3 = shift.constant <1x2x1x1xui8, [7, 6]> : tensor<1x2x1x1xi4, #shift.code<-6>>
// CHECK-NEXT:    %4 = int8.constant <1xi32, [0]> : tensor<1xi32, #int8.pow2<-12>>
// CHECK-NEXT:    %5 = dataflow.job %2, %3, %4 multipliers [16777216] : tensor<?x2x1x1xi8, #int8.pow2<-6>>, tensor<1x2x1x1xi4, #shift.code<-6>>, tensor<1xi32, #int8.pow2<-12>> -> tensor<?x1x1x1xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %6 = shift.constant <3x1x1x1xui8, [6, 7, 7]> : tensor<3x1x1x1xi4, #shift.code<-6>>
// CHECK-NEXT:    %7 = int8.constant <3xi32, [0, 0, 0]> : tensor<3xi32, #int8.pow2<-12>>
// CHECK-NEXT:    %8 = dataflow.job %5, %6, %7 multipliers [16777216] : tensor<?x1x1x1xi8, #int8.pow2<-6>>, tensor<3x1x1x1xi4, #shift.code<-6>>, tensor<3xi32, #int8.pow2<-12>> -> tensor<?x3x1x1xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %y = layout.reshape %8 : (tensor<?x3x1x1xi8, #int8.pow2<-6>>) -> tensor<?x3xi8, #int8.pow2<-6>>
// CHECK-NEXT:    func.return %y : tensor<?x3xi8, #int8.pow2<-6>>
func.func @main(%f: tensor<?x1x1x2xf32>) -> tensor<?x3xi8, #int8.pow2<-6>> {
  %x = int8.quantize %f : tensor<?x1x1x2xf32> -> tensor<?x1x1x2xi8, #int8.pow2<-6>>
  %r = layout.reshape %x : (tensor<?x1x1x2xi8, #int8.pow2<-6>>) -> tensor<?x2xi8, #int8.pow2<-6>>
  %s = layout.slice %r from [1] to [2] step [1] : (tensor<?x2xi8, #int8.pow2<-6>>) -> tensor<?x1xi8, #int8.pow2<-6>>
  %y = layout.pad %s low [0] high [2] : (tensor<?x1xi8, #int8.pow2<-6>>) -> tensor<?x3xi8, #int8.pow2<-6>>
  func.return %y : tensor<?x3xi8, #int8.pow2<-6>>
}
