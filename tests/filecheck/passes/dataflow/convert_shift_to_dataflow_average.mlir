// RUN: tf2c-opt %s --split-input-file -p convert-shift-to-dataflow | filecheck %s

// A mean over `n` pixels is a sum of `2**k` times each, scaled by the multiplier of an average and shifted
// back.

// Of four pixels, the sum is multiplied by 2**15 and shifted by 17. Behind a weight of 2**6, that is a
// multiplier of 2**(15 + 30 - 17 - 6) = 2**22.
// CHECK:       dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 1024 channel_depth 512
// CHECK-LABEL: func.func @main(%f: tensor<?x2x2x4xf32>) -> tensor<?x2x1x2xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %x = int8.quantize %f : tensor<?x2x2x4xf32> -> tensor<?x2x2x4xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %x_1 = dataflow.input %x : tensor<?x2x2x4xi8, #int8.pow2<-6>> -> tensor<?x2x2x4xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %0 = shift.constant <2x1x2x2xui8, [6, 6, 6, 6, 6, 6, 6, 6]> : tensor<2x1x2x2xi4, #shift.code<-6>>
// CHECK-NEXT:    %1 = int8.constant <2xi32, [0, 0]> : tensor<2xi32, #int8.pow2<-12>>
// CHECK-NEXT:    %y = dataflow.job %x_1, %0, %1 strides [1, 2] group 2 multipliers [4194304] : tensor<?x2x2x4xi8, #int8.pow2<-6>>, tensor<2x1x2x2xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-12>> -> tensor<?x2x1x2xi8, #int8.pow2<-6>>
// CHECK-NEXT:    func.return %y : tensor<?x2x1x2xi8, #int8.pow2<-6>>
func.func @main(%f: tensor<?x2x2x4xf32>) -> tensor<?x2x1x2xi8, #int8.pow2<-6>> {
  %x = int8.quantize %f : tensor<?x2x2x4xf32> -> tensor<?x2x2x4xi8, #int8.pow2<-6>>
  %y = int8.average_pool %x kernel [2, 2] strides [1, 2] : tensor<?x2x2x4xi8, #int8.pow2<-6>> -> tensor<?x2x1x2xi8, #int8.pow2<-6>>
  func.return %y : tensor<?x2x1x2xi8, #int8.pow2<-6>>
}

// -----

// Of nine pixels, in steps of a 16th, the multiplier is 2**15 * 16 / 9 = 58254, times 2**(30 - 15 - 6). The
// network's result has 32 bits.
// CHECK:       dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 1024 channel_depth 512
// CHECK-LABEL: func.func @main(%f: tensor<?x1x3x3xf32>) -> tensor<?x1xi32, #int8.pow2<-10>>
// CHECK-NEXT:    %x = int8.quantize %f : tensor<?x1x3x3xf32> -> tensor<?x1x3x3xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %x_1 = dataflow.input %x : tensor<?x1x3x3xi8, #int8.pow2<-6>> -> tensor<?x1x3x3xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %0 = shift.constant <1x1x3x3xui8, [6, 6, 6, 6, 6, 6, 6, 6, 6]> : tensor<1x1x3x3xi4, #shift.code<-6>>
// CHECK-NEXT:    %1 = int8.constant <1xi32, [0]> : tensor<1xi32, #int8.pow2<-12>>
// CHECK-NEXT:    %p = dataflow.job %x_1, %0, %1 multipliers [29826048] bounds [-2147483648, 2147483647] : tensor<?x1x3x3xi8, #int8.pow2<-6>>, tensor<1x1x3x3xi4, #shift.code<-6>>, tensor<1xi32, #int8.pow2<-12>> -> tensor<?x1x1x1xi32, #int8.pow2<-10>>
// CHECK-NEXT:    %y = layout.reshape %p : (tensor<?x1x1x1xi32, #int8.pow2<-10>>) -> tensor<?x1xi32, #int8.pow2<-10>>
// CHECK-NEXT:    func.return %y : tensor<?x1xi32, #int8.pow2<-10>>
func.func @main(%f: tensor<?x1x3x3xf32>) -> tensor<?x1xi32, #int8.pow2<-10>> {
  %x = int8.quantize %f : tensor<?x1x3x3xf32> -> tensor<?x1x3x3xi8, #int8.pow2<-6>>
  %p = int8.average_pool %x kernel [3, 3] : tensor<?x1x3x3xi8, #int8.pow2<-6>> -> tensor<?x1x1x1xi32, #int8.pow2<-10>>
  %y = layout.reshape %p : (tensor<?x1x1x1xi32, #int8.pow2<-10>>) -> tensor<?x1xi32, #int8.pow2<-10>>
  func.return %y : tensor<?x1xi32, #int8.pow2<-10>>
}

// -----

// Where the average has to be shifted by 28, a weight of 2**2 is the most that leaves 30.
// CHECK:       dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 1024 channel_depth 512
// CHECK-LABEL: func.func @main(%f: tensor<?x1x4x4xf32>) -> tensor<?x1x1x1xi8, #int8.pow2<3>>
// CHECK-NEXT:    %x = int8.quantize %f : tensor<?x1x4x4xf32> -> tensor<?x1x4x4xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %x_1 = dataflow.input %x : tensor<?x1x4x4xi8, #int8.pow2<-6>> -> tensor<?x1x4x4xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %0 = shift.constant <1x1x4x4xui8, [2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2]> : tensor<1x1x4x4xi4, #shift.code<-2>>
// CHECK-NEXT:    %1 = int8.constant <1xi32, [0]> : tensor<1xi32, #int8.pow2<-8>>
// CHECK-NEXT:    %y = dataflow.job %x_1, %0, %1 multipliers [32768] : tensor<?x1x4x4xi8, #int8.pow2<-6>>, tensor<1x1x4x4xi4, #shift.code<-2>>, tensor<1xi32, #int8.pow2<-8>> -> tensor<?x1x1x1xi8, #int8.pow2<3>>
// CHECK-NEXT:    func.return %y : tensor<?x1x1x1xi8, #int8.pow2<3>>
func.func @main(%f: tensor<?x1x4x4xf32>) -> tensor<?x1x1x1xi8, #int8.pow2<3>> {
  %x = int8.quantize %f : tensor<?x1x4x4xf32> -> tensor<?x1x4x4xi8, #int8.pow2<-6>>
  %y = int8.average_pool %x kernel [4, 4] : tensor<?x1x4x4xi8, #int8.pow2<-6>> -> tensor<?x1x1x1xi8, #int8.pow2<3>>
  func.return %y : tensor<?x1x1x1xi8, #int8.pow2<3>>
}

// -----

// Padding that leaves every window equally many real pixels is the convolution's: here all four.
// CHECK:       dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 1024 channel_depth 512
// CHECK-LABEL: func.func @main(%f: tensor<?x1x2x2xf32>) -> tensor<?x1x2x2xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %x = int8.quantize %f : tensor<?x1x2x2xf32> -> tensor<?x1x2x2xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %x_1 = dataflow.input %x : tensor<?x1x2x2xi8, #int8.pow2<-6>> -> tensor<?x1x2x2xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %0 = shift.constant <1x1x3x3xui8, [6, 6, 6, 6, 6, 6, 6, 6, 6]> : tensor<1x1x3x3xi4, #shift.code<-6>>
// CHECK-NEXT:    %1 = int8.constant <1xi32, [0]> : tensor<1xi32, #int8.pow2<-12>>
// CHECK-NEXT:    %y = dataflow.job %x_1, %0, %1 pads [1, 1, 1, 1] multipliers [4194304] : tensor<?x1x2x2xi8, #int8.pow2<-6>>, tensor<1x1x3x3xi4, #shift.code<-6>>, tensor<1xi32, #int8.pow2<-12>> -> tensor<?x1x2x2xi8, #int8.pow2<-6>>
// CHECK-NEXT:    func.return %y : tensor<?x1x2x2xi8, #int8.pow2<-6>>
func.func @main(%f: tensor<?x1x2x2xf32>) -> tensor<?x1x2x2xi8, #int8.pow2<-6>> {
  %x = int8.quantize %f : tensor<?x1x2x2xf32> -> tensor<?x1x2x2xi8, #int8.pow2<-6>>
  %y = int8.average_pool %x kernel [3, 3] pads [1, 1, 1, 1] : tensor<?x1x2x2xi8, #int8.pow2<-6>> -> tensor<?x1x2x2xi8, #int8.pow2<-6>>
  func.return %y : tensor<?x1x2x2xi8, #int8.pow2<-6>>
}
