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

// -----

// Of all pixels of what a job computes for nothing else, it is taken on the way: times 2**26, shifted by 30.
// CHECK:         %[[JOB:.*]] = dataflow.job {{.*}} -> tensor<?x8x4x4xi8, #int8.pow2<-1>>
// CHECK-NEXT:    %y = dataflow.average %[[JOB]] multiplier 67108864 : tensor<?x8x4x4xi8, #int8.pow2<-1>> -> tensor<?x8x1x1xi8, #int8.pow2<-1>>
// CHECK:         dataflow.job %y,
func.func @main(%f: tensor<?x1x4x4xf32>) -> tensor<?x8x1x1xi8, #int8.pow2<-1>> {
  %x = int8.quantize %f : tensor<?x1x4x4xf32> -> tensor<?x1x4x4xi8, #int8.pow2<-7>>
  %w = shift.constant <8x1x1x1xui8, [0, 1, 2, 3, 4, 5, 6, 7]> : tensor<8x1x1x1xi4, #shift.code<0>>
  %b = int8.constant <8xi32, [0, 0, 0, 0, 0, 0, 0, 0]> : tensor<8xi32, #int8.pow2<-7>>
  %a = shift.conv %x, %w, %b : tensor<?x1x4x4xi8, #int8.pow2<-7>>, tensor<8x1x1x1xi4, #shift.code<0>>, tensor<8xi32, #int8.pow2<-7>> -> tensor<?x8x4x4xi32, #int8.pow2<-7>>
  %s = int8.requantize %a shift [6] bounds [-128, 127] : tensor<?x8x4x4xi32, #int8.pow2<-7>> -> tensor<?x8x4x4xi8, #int8.pow2<-1>>
  %y = int8.average_pool %s kernel [4, 4] : tensor<?x8x4x4xi8, #int8.pow2<-1>> -> tensor<?x8x1x1xi8, #int8.pow2<-1>>
  %z = int8.max_pool %y kernel [1, 1] : tensor<?x8x1x1xi8, #int8.pow2<-1>> -> tensor<?x8x1x1xi8, #int8.pow2<-1>>
  func.return %z : tensor<?x8x1x1xi8, #int8.pow2<-1>>
}

// -----

// What is concatenated is averaged apart. Thirty-two bits have no place in the cache: such a mean is returned
// by the job that computes it.
// CHECK:         %[[ONE:.*]] = dataflow.average {{.*}} -> tensor<?x8x1x1xi8, #int8.pow2<-1>>
// CHECK-NEXT:    %[[OTHER:.*]] = dataflow.average {{.*}} -> tensor<?x8x1x1xi8, #int8.pow2<-1>>
// CHECK-NEXT:    %y = dataflow.concat %[[ONE]], %[[OTHER]] :
func.func @main(%f: tensor<?x1x4x4xf32>) -> tensor<?x16x1x1xi8, #int8.pow2<-1>> {
  %x = int8.quantize %f : tensor<?x1x4x4xf32> -> tensor<?x1x4x4xi8, #int8.pow2<-7>>
  %w = shift.constant <8x1x1x1xui8, [0, 1, 2, 3, 4, 5, 6, 7]> : tensor<8x1x1x1xi4, #shift.code<0>>
  %b = int8.constant <8xi32, [0, 0, 0, 0, 0, 0, 0, 0]> : tensor<8xi32, #int8.pow2<-7>>
  %a = shift.conv %x, %w, %b : tensor<?x1x4x4xi8, #int8.pow2<-7>>, tensor<8x1x1x1xi4, #shift.code<0>>, tensor<8xi32, #int8.pow2<-7>> -> tensor<?x8x4x4xi32, #int8.pow2<-7>>
  %s = int8.requantize %a shift [6] bounds [-128, 127] : tensor<?x8x4x4xi32, #int8.pow2<-7>> -> tensor<?x8x4x4xi8, #int8.pow2<-1>>
  %c = shift.conv %x, %w, %b : tensor<?x1x4x4xi8, #int8.pow2<-7>>, tensor<8x1x1x1xi4, #shift.code<0>>, tensor<8xi32, #int8.pow2<-7>> -> tensor<?x8x4x4xi32, #int8.pow2<-7>>
  %t = int8.requantize %c shift [6] bounds [-128, 127] : tensor<?x8x4x4xi32, #int8.pow2<-7>> -> tensor<?x8x4x4xi8, #int8.pow2<-1>>
  %j = layout.concat %s, %t axis 1 : (tensor<?x8x4x4xi8, #int8.pow2<-1>>, tensor<?x8x4x4xi8, #int8.pow2<-1>>) -> tensor<?x16x4x4xi8, #int8.pow2<-1>>
  %y = int8.average_pool %j kernel [4, 4] : tensor<?x16x4x4xi8, #int8.pow2<-1>> -> tensor<?x16x1x1xi8, #int8.pow2<-1>>
  func.return %y : tensor<?x16x1x1xi8, #int8.pow2<-1>>
}

// -----

// CHECK:         %y = dataflow.average {{.*}} multiplier 1073741824 : tensor<?x8x4x4xi8, #int8.pow2<-1>> -> tensor<?x8x1x1xi32, #int8.pow2<-5>>
// CHECK-NEXT:    func.return %y
func.func @main(%f: tensor<?x1x4x4xf32>) -> tensor<?x8x1x1xi32, #int8.pow2<-5>> {
  %x = int8.quantize %f : tensor<?x1x4x4xf32> -> tensor<?x1x4x4xi8, #int8.pow2<-7>>
  %w = shift.constant <8x1x1x1xui8, [0, 1, 2, 3, 4, 5, 6, 7]> : tensor<8x1x1x1xi4, #shift.code<0>>
  %b = int8.constant <8xi32, [0, 0, 0, 0, 0, 0, 0, 0]> : tensor<8xi32, #int8.pow2<-7>>
  %a = shift.conv %x, %w, %b : tensor<?x1x4x4xi8, #int8.pow2<-7>>, tensor<8x1x1x1xi4, #shift.code<0>>, tensor<8xi32, #int8.pow2<-7>> -> tensor<?x8x4x4xi32, #int8.pow2<-7>>
  %s = int8.requantize %a shift [6] bounds [-128, 127] : tensor<?x8x4x4xi32, #int8.pow2<-7>> -> tensor<?x8x4x4xi8, #int8.pow2<-1>>
  %y = int8.average_pool %s kernel [4, 4] : tensor<?x8x4x4xi8, #int8.pow2<-1>> -> tensor<?x8x1x1xi32, #int8.pow2<-5>>
  func.return %y : tensor<?x8x1x1xi32, #int8.pow2<-5>>
}
