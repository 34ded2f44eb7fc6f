// RUN: tf2c-opt %s --split-input-file -p convert-shift-to-dataflow | filecheck %s

// Concatenated tensors lie one behind the other, if whole channel vectors are in front. What is returned
// is stored by a job of its own.

// Nothing moves. The same operand again is copied: a tensor lies in one place.
// CHECK:       dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 1024 channel_depth 512
// CHECK-LABEL: func.func @main(%f: tensor<?x8x1x1xf32>) -> tensor<?x24x1x1xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %x = int8.quantize %f : tensor<?x8x1x1xf32> -> tensor<?x8x1x1xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %x_1 = dataflow.input %x : tensor<?x8x1x1xi8, #int8.pow2<-6>> -> tensor<?x8x1x1xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %0 = shift.constant <8x1x1x1xui8, [6, 6, 6, 6, 6, 6, 6, 6]> : tensor<8x1x1x1xi4, #shift.code<-6>>
// CHECK-NEXT:    %1 = int8.constant <8xi32, [0, 0, 0, 0, 0, 0, 0, 0]> : tensor<8xi32, #int8.pow2<-12>>
// CHECK-NEXT:    %p = dataflow.job %x_1, %0, %1 group 8 multipliers [16777216] : tensor<?x8x1x1xi8, #int8.pow2<-6>>, tensor<8x1x1x1xi4, #shift.code<-6>>, tensor<8xi32, #int8.pow2<-12>> -> tensor<?x8x1x1xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %2 = shift.constant <8x1x1x1xui8, [6, 6, 6, 6, 6, 6, 6, 6]> : tensor<8x1x1x1xi4, #shift.code<-6>>
// CHECK-NEXT:    %3 = int8.constant <8xi32, [0, 0, 0, 0, 0, 0, 0, 0]> : tensor<8xi32, #int8.pow2<-12>>
// CHECK-NEXT:    %4 = dataflow.job %x_1, %2, %3 group 8 multipliers [16777216] : tensor<?x8x1x1xi8, #int8.pow2<-6>>, tensor<8x1x1x1xi4, #shift.code<-6>>, tensor<8xi32, #int8.pow2<-12>> -> tensor<?x8x1x1xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %y = dataflow.concat %x_1, %p, %4 : (tensor<?x8x1x1xi8, #int8.pow2<-6>>, tensor<?x8x1x1xi8, #int8.pow2<-6>>, tensor<?x8x1x1xi8, #int8.pow2<-6>>) -> tensor<?x24x1x1xi8, #int8.pow2<-6>>
// CHECK:         %[[COPY:.*]] = dataflow.job %y, {{.*}} -> tensor<?x24x1x1xi8, #int8.pow2<-6>>
// CHECK-NEXT:    func.return %[[COPY]] : tensor<?x24x1x1xi8, #int8.pow2<-6>>
func.func @main(%f: tensor<?x8x1x1xf32>) -> tensor<?x24x1x1xi8, #int8.pow2<-6>> {
  %x = int8.quantize %f : tensor<?x8x1x1xf32> -> tensor<?x8x1x1xi8, #int8.pow2<-6>>
  %p = int8.max_pool %x kernel [1, 1] : tensor<?x8x1x1xi8, #int8.pow2<-6>> -> tensor<?x8x1x1xi8, #int8.pow2<-6>>
  %y = layout.concat %x, %p, %x axis 1 : (tensor<?x8x1x1xi8, #int8.pow2<-6>>, tensor<?x8x1x1xi8, #int8.pow2<-6>>, tensor<?x8x1x1xi8, #int8.pow2<-6>>) -> tensor<?x24x1x1xi8, #int8.pow2<-6>>
  func.return %y : tensor<?x24x1x1xi8, #int8.pow2<-6>>
}

// -----

// A concatenation in a concatenation lies in it. What lies in another one is copied.
// CHECK:       dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 1024 channel_depth 512
// CHECK-LABEL: func.func @main(%f: tensor<?x8x1x1xf32>) -> tensor<?x24x1x1xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %x = int8.quantize %f : tensor<?x8x1x1xf32> -> tensor<?x8x1x1xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %x_1 = dataflow.input %x : tensor<?x8x1x1xi8, #int8.pow2<-6>> -> tensor<?x8x1x1xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %0 = shift.constant <8x1x1x1xui8, [6, 6, 6, 6, 6, 6, 6, 6]> : tensor<8x1x1x1xi4, #shift.code<-6>>
// CHECK-NEXT:    %1 = int8.constant <8xi32, [0, 0, 0, 0, 0, 0, 0, 0]> : tensor<8xi32, #int8.pow2<-12>>
// CHECK-NEXT:    %p = dataflow.job %x_1, %0, %1 group 8 multipliers [16777216] : tensor<?x8x1x1xi8, #int8.pow2<-6>>, tensor<8x1x1x1xi4, #shift.code<-6>>, tensor<8xi32, #int8.pow2<-12>> -> tensor<?x8x1x1xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %c = dataflow.concat %x_1, %p : (tensor<?x8x1x1xi8, #int8.pow2<-6>>, tensor<?x8x1x1xi8, #int8.pow2<-6>>) -> tensor<?x16x1x1xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %2 = shift.constant <8x1x1x1xui8, [6, 6, 6, 6, 6, 6, 6, 6]> : tensor<8x1x1x1xi4, #shift.code<-6>>
// CHECK-NEXT:    %3 = int8.constant <8xi32, [0, 0, 0, 0, 0, 0, 0, 0]> : tensor<8xi32, #int8.pow2<-12>>
// CHECK-NEXT:    %4 = dataflow.job %p, %2, %3 group 8 multipliers [16777216] : tensor<?x8x1x1xi8, #int8.pow2<-6>>, tensor<8x1x1x1xi4, #shift.code<-6>>, tensor<8xi32, #int8.pow2<-12>> -> tensor<?x8x1x1xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %y = dataflow.concat %c, %4 : (tensor<?x16x1x1xi8, #int8.pow2<-6>>, tensor<?x8x1x1xi8, #int8.pow2<-6>>) -> tensor<?x24x1x1xi8, #int8.pow2<-6>>
// CHECK:         %[[COPY:.*]] = dataflow.job %y, {{.*}} -> tensor<?x24x1x1xi8, #int8.pow2<-6>>
// CHECK-NEXT:    func.return %[[COPY]] : tensor<?x24x1x1xi8, #int8.pow2<-6>>
func.func @main(%f: tensor<?x8x1x1xf32>) -> tensor<?x24x1x1xi8, #int8.pow2<-6>> {
  %x = int8.quantize %f : tensor<?x8x1x1xf32> -> tensor<?x8x1x1xi8, #int8.pow2<-6>>
  %p = int8.max_pool %x kernel [1, 1] : tensor<?x8x1x1xi8, #int8.pow2<-6>> -> tensor<?x8x1x1xi8, #int8.pow2<-6>>
  %c = layout.concat %x, %p axis 1 : (tensor<?x8x1x1xi8, #int8.pow2<-6>>, tensor<?x8x1x1xi8, #int8.pow2<-6>>) -> tensor<?x16x1x1xi8, #int8.pow2<-6>>
  %y = layout.concat %c, %p axis 1 : (tensor<?x16x1x1xi8, #int8.pow2<-6>>, tensor<?x8x1x1xi8, #int8.pow2<-6>>) -> tensor<?x24x1x1xi8, #int8.pow2<-6>>
  func.return %y : tensor<?x24x1x1xi8, #int8.pow2<-6>>
}

// -----

// With broken channel vectors in front, a job for each operand puts its channels to their places and adds
// what the one before has left.
// CHECK:       dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 1024 channel_depth 512
// CHECK-LABEL: func.func @main(%f: tensor<?x1x1x1xf32>) -> tensor<?x2x1x1xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %x = int8.quantize %f : tensor<?x1x1x1xf32> -> tensor<?x1x1x1xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %x_1 = dataflow.input %x : tensor<?x1x1x1xi8, #int8.pow2<-6>> -> tensor<?x1x1x1xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %0 = shift.constant <1x1x1x1xui8, [6]> : tensor<1x1x1x1xi4, #shift.code<-6>>
// CHECK-NEXT:    %1 = int8.constant <1xi32, [0]> : tensor<1xi32, #int8.pow2<-12>>
// CHECK-NEXT:    %p = dataflow.job %x_1, %0, %1 multipliers [16777216] : tensor<?x1x1x1xi8, #int8.pow2<-6>>, tensor<1x1x1x1xi4, #shift.code<-6>>, tensor<1xi32, #int8.pow2<-12>> -> tensor<?x1x1x1xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %2 = shift.constant <2x1x1x1xui8, [6, 7]> : tensor<2x1x1x1xi4, #shift.code<-6>>
// CHECK-NEXT:    %3 = int8.constant <2xi32, [0, 0]> : tensor<2xi32, #int8.pow2<-12>>
// CHECK-NEXT:    %4 = dataflow.job %x_1, %2, %3 multipliers [16777216] : tensor<?x1x1x1xi8, #int8.pow2<-6>>, tensor<2x1x1x1xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-12>> -> tensor<?x2x1x1xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %5 = shift.constant <2x1x1x1xui8, [7, 6]> : tensor<2x1x1x1xi4, #shift.code<-6>>
// CHECK-NEXT:    %6 = int8.constant <2xi32, [0, 0]> : tensor<2xi32, #int8.pow2<-12>>
// CHECK-NEXT:    %y = dataflow.job %p, %5, %6 residual %4 : tensor<?x2x1x1xi8, #int8.pow2<-6>> multipliers [16777216] : tensor<?x1x1x1xi8, #int8.pow2<-6>>, tensor<2x1x1x1xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-12>> -> tensor<?x2x1x1xi8, #int8.pow2<-6>>
// CHECK-NEXT:    func.return %y : tensor<?x2x1x1xi8, #int8.pow2<-6>>
func.func @main(%f: tensor<?x1x1x1xf32>) -> tensor<?x2x1x1xi8, #int8.pow2<-6>> {
  %x = int8.quantize %f : tensor<?x1x1x1xf32> -> tensor<?x1x1x1xi8, #int8.pow2<-6>>
  %p = int8.max_pool %x kernel [1, 1] : tensor<?x1x1x1xi8, #int8.pow2<-6>> -> tensor<?x1x1x1xi8, #int8.pow2<-6>>
  %y = layout.concat %x, %p axis 1 : (tensor<?x1x1x1xi8, #int8.pow2<-6>>, tensor<?x1x1x1xi8, #int8.pow2<-6>>) -> tensor<?x2x1x1xi8, #int8.pow2<-6>>
  func.return %y : tensor<?x2x1x1xi8, #int8.pow2<-6>>
}

// -----

// Flattened images become one pixel of many channels first.
// CHECK:       dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 1024 channel_depth 512
// CHECK-LABEL: func.func @main(%f: tensor<?x1x1x2xf32>) -> tensor<?x3xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %x = int8.quantize %f : tensor<?x1x1x2xf32> -> tensor<?x1x1x2xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %x_1 = dataflow.input %x : tensor<?x1x1x2xi8, #int8.pow2<-6>> -> tensor<?x1x1x2xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %0 = shift.constant <1x1x1x1xui8, [6]> : tensor<1x1x1x1xi4, #shift.code<-6>>
// CHECK-NEXT:    %1 = int8.constant <1xi32, [0]> : tensor<1xi32, #int8.pow2<-12>>
// CHECK-NEXT:    %p = dataflow.job %x_1, %0, %1 multipliers [16777216] pool [1, 2] : tensor<?x1x1x2xi8, #int8.pow2<-6>>, tensor<1x1x1x1xi4, #shift.code<-6>>, tensor<1xi32, #int8.pow2<-12>> -> tensor<?x1x1x1xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %2 = shift.constant <2x1x1x2xui8, [6, 7, 7, 6]> : tensor<2x1x1x2xi4, #shift.code<-6>>
// CHECK-NEXT:    %3 = int8.constant <2xi32, [0, 0]> : tensor<2xi32, #int8.pow2<-12>>
// CHECK-NEXT:    %4 = dataflow.job %x_1, %2, %3 multipliers [16777216] : tensor<?x1x1x2xi8, #int8.pow2<-6>>, tensor<2x1x1x2xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-12>> -> tensor<?x2x1x1xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %5 = shift.constant <3x2x1x1xui8, [6, 7, 7, 6, 7, 7]> : tensor<3x2x1x1xi4, #shift.code<-6>>
// CHECK-NEXT:    %6 = int8.constant <3xi32, [0, 0, 0]> : tensor<3xi32, #int8.pow2<-12>>
// CHECK-NEXT:    %7 = dataflow.job %4, %5, %6 multipliers [16777216] : tensor<?x2x1x1xi8, #int8.pow2<-6>>, tensor<3x2x1x1xi4, #shift.code<-6>>, tensor<3xi32, #int8.pow2<-12>> -> tensor<?x3x1x1xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %8 = shift.constant <3x1x1x1xui8, [7, 7, 6]> : tensor<3x1x1x1xi4, #shift.code<-6>>
// CHECK-NEXT:    %9 = int8.constant <3xi32, [0, 0, 0]> : tensor<3xi32, #int8.pow2<-12>>
// CHECK-NEXT:    %10 = dataflow.job %p, %8, %9 residual %7 : tensor<?x3x1x1xi8, #int8.pow2<-6>> multipliers [16777216] : tensor<?x1x1x1xi8, #int8.pow2<-6>>, tensor<3x1x1x1xi4, #shift.code<-6>>, tensor<3xi32, #int8.pow2<-12>> -> tensor<?x3x1x1xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %y = layout.reshape %10 : (tensor<?x3x1x1xi8, #int8.pow2<-6>>) -> tensor<?x3xi8, #int8.pow2<-6>>
// CHECK-NEXT:    func.return %y : tensor<?x3xi8, #int8.pow2<-6>>
func.func @main(%f: tensor<?x1x1x2xf32>) -> tensor<?x3xi8, #int8.pow2<-6>> {
  %x = int8.quantize %f : tensor<?x1x1x2xf32> -> tensor<?x1x1x2xi8, #int8.pow2<-6>>
  %p = int8.max_pool %x kernel [1, 2] : tensor<?x1x1x2xi8, #int8.pow2<-6>> -> tensor<?x1x1x1xi8, #int8.pow2<-6>>
  %r = layout.reshape %x : (tensor<?x1x1x2xi8, #int8.pow2<-6>>) -> tensor<?x2xi8, #int8.pow2<-6>>
  %s = layout.reshape %p : (tensor<?x1x1x1xi8, #int8.pow2<-6>>) -> tensor<?x1xi8, #int8.pow2<-6>>
  %y = layout.concat %r, %s axis 1 : (tensor<?x2xi8, #int8.pow2<-6>>, tensor<?x1xi8, #int8.pow2<-6>>) -> tensor<?x3xi8, #int8.pow2<-6>>
  func.return %y : tensor<?x3xi8, #int8.pow2<-6>>
}

// -----

// What is pooled, and is for nothing else, is pooled by the jobs whose results are concatenated.
// CHECK:         %[[ONE:.*]] = dataflow.job {{.*}} pool [2, 2] pool_strides [2, 2] : {{.*}} -> tensor<?x8x2x2xi8, #int8.pow2<-1>>
// CHECK:         %[[OTHER:.*]] = dataflow.job {{.*}} pool [2, 2] pool_strides [2, 2] : {{.*}} -> tensor<?x8x2x2xi8, #int8.pow2<-1>>
// CHECK-NEXT:    %y = dataflow.concat %[[ONE]], %[[OTHER]] :
func.func @main(%f: tensor<?x1x4x4xf32>) -> tensor<?x16x2x2xi8, #int8.pow2<-1>> {
  %x = int8.quantize %f : tensor<?x1x4x4xf32> -> tensor<?x1x4x4xi8, #int8.pow2<-7>>
  %w = shift.constant <8x1x1x1xui8, [0, 1, 2, 3, 4, 5, 6, 7]> : tensor<8x1x1x1xi4, #shift.code<0>>
  %b = int8.constant <8xi32, [0, 0, 0, 0, 0, 0, 0, 0]> : tensor<8xi32, #int8.pow2<-7>>
  %a = shift.conv %x, %w, %b : tensor<?x1x4x4xi8, #int8.pow2<-7>>, tensor<8x1x1x1xi4, #shift.code<0>>, tensor<8xi32, #int8.pow2<-7>> -> tensor<?x8x4x4xi32, #int8.pow2<-7>>
  %s = int8.requantize %a shift [6] bounds [-128, 127] : tensor<?x8x4x4xi32, #int8.pow2<-7>> -> tensor<?x8x4x4xi8, #int8.pow2<-1>>
  %c = shift.conv %x, %w, %b : tensor<?x1x4x4xi8, #int8.pow2<-7>>, tensor<8x1x1x1xi4, #shift.code<0>>, tensor<8xi32, #int8.pow2<-7>> -> tensor<?x8x4x4xi32, #int8.pow2<-7>>
  %t = int8.requantize %c shift [6] bounds [-128, 127] : tensor<?x8x4x4xi32, #int8.pow2<-7>> -> tensor<?x8x4x4xi8, #int8.pow2<-1>>
  %j = layout.concat %s, %t axis 1 : (tensor<?x8x4x4xi8, #int8.pow2<-1>>, tensor<?x8x4x4xi8, #int8.pow2<-1>>) -> tensor<?x16x4x4xi8, #int8.pow2<-1>>
  %y = int8.max_pool %j kernel [2, 2] strides [2, 2] : tensor<?x16x4x4xi8, #int8.pow2<-1>> -> tensor<?x16x2x2xi8, #int8.pow2<-1>>
  func.return %y : tensor<?x16x2x2xi8, #int8.pow2<-1>>
}
