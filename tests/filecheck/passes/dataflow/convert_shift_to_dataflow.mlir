// RUN: tf2c-opt %s --split-input-file -p convert-shift-to-dataflow | filecheck %s
// RUN: tf2c-opt %s --split-input-file -p 'convert-shift-to-dataflow{filter_vector=4 channel_vector=2 weight_depth=64 channel_depth=16}' | filecheck %s --check-prefix=SMALL

// Convolution, requantization and the pooling behind it become one job. A shift of 8 is a
// multiplication by 2**(30 - 8). The fully connected layer's kernel covers the whole image, so that
// nothing needs to be flattened first; its sums are stored as they are.
// SMALL: dataflow.engine filter_vector 4 channel_vector 2 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 16
// CHECK:       dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 1024 channel_depth 512
// CHECK-LABEL: func.func @main(%f: tensor<?x1x4x4xf32>) -> tensor<?x1xi32, #int8.pow2<-10>>
// CHECK-NEXT:    %x = int8.quantize %f : tensor<?x1x4x4xf32> -> tensor<?x1x4x4xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %x_1 = dataflow.input %x : tensor<?x1x4x4xi8, #int8.pow2<-6>> -> tensor<?x1x4x4xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %w = shift.constant <2x1x1x1xui8, [6, 14]> : tensor<2x1x1x1xi4, #shift.code<-6>>
// CHECK-NEXT:    %b = int8.constant <2xi32, [0, 0]> : tensor<2xi32, #int8.pow2<-12>>
// CHECK-NEXT:    %p = dataflow.job %x_1, %w, %b strides [2, 2] multipliers [4194304] bounds [0, 127] pool [2, 1] pool_strides [2, 1] : tensor<?x1x4x4xi8, #int8.pow2<-6>>, tensor<2x1x1x1xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-12>> -> tensor<?x2x1x2xi8, #int8.pow2<-4>>
// CHECK-NEXT:    %c = int8.constant <1xi32, [0]> : tensor<1xi32, #int8.pow2<-10>>
// CHECK-NEXT:    %0 = shift.constant <1x2x1x2xui8, [0, 1, 2, 3]> : tensor<1x2x1x2xi4, #shift.code<-6>>
// CHECK-NEXT:    %1 = dataflow.job %p, %0, %c : tensor<?x2x1x2xi8, #int8.pow2<-4>>, tensor<1x2x1x2xi4, #shift.code<-6>>, tensor<1xi32, #int8.pow2<-10>> -> tensor<?x1x1x1xi32, #int8.pow2<-10>>
// CHECK-NEXT:    %y = layout.reshape %1 : (tensor<?x1x1x1xi32, #int8.pow2<-10>>) -> tensor<?x1xi32, #int8.pow2<-10>>
// CHECK-NEXT:    func.return %y : tensor<?x1xi32, #int8.pow2<-10>>
func.func @main(%f: tensor<?x1x4x4xf32>) -> tensor<?x1xi32, #int8.pow2<-10>> {
  %x = int8.quantize %f : tensor<?x1x4x4xf32> -> tensor<?x1x4x4xi8, #int8.pow2<-6>>
  %w = shift.constant <2x1x1x1xui8, [6, 14]> : tensor<2x1x1x1xi4, #shift.code<-6>>
  %b = int8.constant <2xi32, [0, 0]> : tensor<2xi32, #int8.pow2<-12>>
  %a = shift.conv %x, %w, %b strides [2, 2] : tensor<?x1x4x4xi8, #int8.pow2<-6>>, tensor<2x1x1x1xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-12>> -> tensor<?x2x2x2xi32, #int8.pow2<-12>>
  %s = int8.requantize %a shift [8] bounds [0, 127] : tensor<?x2x2x2xi32, #int8.pow2<-12>> -> tensor<?x2x2x2xi8, #int8.pow2<-4>>
  %p = int8.max_pool %s kernel [2, 1] strides [2, 1] : tensor<?x2x2x2xi8, #int8.pow2<-4>> -> tensor<?x2x1x2xi8, #int8.pow2<-4>>
  %r = layout.reshape %p : (tensor<?x2x1x2xi8, #int8.pow2<-4>>) -> tensor<?x4xi8, #int8.pow2<-4>>
  %v = shift.constant <1x4xui8, [0, 1, 2, 3]> : tensor<1x4xi4, #shift.code<-6>>
  %c = int8.constant <1xi32, [0]> : tensor<1xi32, #int8.pow2<-10>>
  %y = shift.gemm %r, %v, %c : tensor<?x4xi8, #int8.pow2<-4>>, tensor<1x4xi4, #shift.code<-6>>, tensor<1xi32, #int8.pow2<-10>> -> tensor<?x1xi32, #int8.pow2<-10>>
  func.return %y : tensor<?x1xi32, #int8.pow2<-10>>
}

// -----

// A pooling of the network's input has no layer to join: a copying job does it. Its weights are 64, one
// per channel, and 2**(30 - 6) shifts back by 6.
// CHECK:       dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 1024 channel_depth 512
// CHECK-LABEL: func.func @main(%f: tensor<?x2x2x2xf32>) -> tensor<?x2x1x1xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %x = int8.quantize %f : tensor<?x2x2x2xf32> -> tensor<?x2x2x2xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %x_1 = dataflow.input %x : tensor<?x2x2x2xi8, #int8.pow2<-6>> -> tensor<?x2x2x2xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %0 = shift.constant <2x1x1x1xui8, [6, 6]> : tensor<2x1x1x1xi4, #shift.code<-6>>
// CHECK-NEXT:    %1 = int8.constant <2xi32, [0, 0]> : tensor<2xi32, #int8.pow2<-12>>
// CHECK-NEXT:    %y = dataflow.job %x_1, %0, %1 group 2 multipliers [16777216] pool [2, 2] : tensor<?x2x2x2xi8, #int8.pow2<-6>>, tensor<2x1x1x1xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-12>> -> tensor<?x2x1x1xi8, #int8.pow2<-6>>
// CHECK-NEXT:    func.return %y : tensor<?x2x1x1xi8, #int8.pow2<-6>>
func.func @main(%f: tensor<?x2x2x2xf32>) -> tensor<?x2x1x1xi8, #int8.pow2<-6>> {
  %x = int8.quantize %f : tensor<?x2x2x2xf32> -> tensor<?x2x2x2xi8, #int8.pow2<-6>>
  %y = int8.max_pool %x kernel [2, 2] : tensor<?x2x2x2xi8, #int8.pow2<-6>> -> tensor<?x2x1x1xi8, #int8.pow2<-6>>
  func.return %y : tensor<?x2x1x1xi8, #int8.pow2<-6>>
}

// -----

// A pooling does not join where the unpooled numbers are used elsewhere, here as a residual.
// CHECK:       dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 1024 channel_depth 512
// CHECK-LABEL: func.func @main(%f: tensor<?x1x1x1xf32>) -> tensor<?x1x1x1xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %x = int8.quantize %f : tensor<?x1x1x1xf32> -> tensor<?x1x1x1xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %x_1 = dataflow.input %x : tensor<?x1x1x1xi8, #int8.pow2<-6>> -> tensor<?x1x1x1xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %w = shift.constant <1x1x1x1xui8, [6]> : tensor<1x1x1x1xi4, #shift.code<-6>>
// CHECK-NEXT:    %b = int8.constant <1xi32, [0]> : tensor<1xi32, #int8.pow2<-12>>
// CHECK-NEXT:    %s = dataflow.job %x_1, %w, %b multipliers [16777216] bounds [0, 127] : tensor<?x1x1x1xi8, #int8.pow2<-6>>, tensor<1x1x1x1xi4, #shift.code<-6>>, tensor<1xi32, #int8.pow2<-12>> -> tensor<?x1x1x1xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %0 = shift.constant <1x1x1x1xui8, [6]> : tensor<1x1x1x1xi4, #shift.code<-6>>
// CHECK-NEXT:    %1 = int8.constant <1xi32, [0]> : tensor<1xi32, #int8.pow2<-12>>
// CHECK-NEXT:    %p = dataflow.job %s, %0, %1 multipliers [16777216] : tensor<?x1x1x1xi8, #int8.pow2<-6>>, tensor<1x1x1x1xi4, #shift.code<-6>>, tensor<1xi32, #int8.pow2<-12>> -> tensor<?x1x1x1xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %y = dataflow.job %p, %w, %b residual %s : tensor<?x1x1x1xi8, #int8.pow2<-6>> multipliers [16777216] : tensor<?x1x1x1xi8, #int8.pow2<-6>>, tensor<1x1x1x1xi4, #shift.code<-6>>, tensor<1xi32, #int8.pow2<-12>> -> tensor<?x1x1x1xi8, #int8.pow2<-6>>
// CHECK-NEXT:    func.return %y : tensor<?x1x1x1xi8, #int8.pow2<-6>>
func.func @main(%f: tensor<?x1x1x1xf32>) -> tensor<?x1x1x1xi8, #int8.pow2<-6>> {
  %x = int8.quantize %f : tensor<?x1x1x1xf32> -> tensor<?x1x1x1xi8, #int8.pow2<-6>>
  %w = shift.constant <1x1x1x1xui8, [6]> : tensor<1x1x1x1xi4, #shift.code<-6>>
  %b = int8.constant <1xi32, [0]> : tensor<1xi32, #int8.pow2<-12>>
  %a = shift.conv %x, %w, %b : tensor<?x1x1x1xi8, #int8.pow2<-6>>, tensor<1x1x1x1xi4, #shift.code<-6>>, tensor<1xi32, #int8.pow2<-12>> -> tensor<?x1x1x1xi32, #int8.pow2<-12>>
  %s = int8.requantize %a shift [6] bounds [0, 127] : tensor<?x1x1x1xi32, #int8.pow2<-12>> -> tensor<?x1x1x1xi8, #int8.pow2<-6>>
  %p = int8.max_pool %s kernel [1, 1] : tensor<?x1x1x1xi8, #int8.pow2<-6>> -> tensor<?x1x1x1xi8, #int8.pow2<-6>>
  %c = shift.conv %p, %w, %b : tensor<?x1x1x1xi8, #int8.pow2<-6>>, tensor<1x1x1x1xi4, #shift.code<-6>>, tensor<1xi32, #int8.pow2<-12>> -> tensor<?x1x1x1xi32, #int8.pow2<-12>>
  %y = int8.requantize %c residual %s : tensor<?x1x1x1xi8, #int8.pow2<-6>> shift [6] bounds [-128, 127] : tensor<?x1x1x1xi32, #int8.pow2<-12>> -> tensor<?x1x1x1xi8, #int8.pow2<-6>>
  func.return %y : tensor<?x1x1x1xi8, #int8.pow2<-6>>
}

// -----

// A flattened image that joins a fully connected layer is copied to where its rows lie: every pixel
// becomes a channel.
// CHECK:       dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 1024 channel_depth 512
// CHECK-LABEL: func.func @main(%f: tensor<?x1x1x2xf32>) -> tensor<?x2xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %x = int8.quantize %f : tensor<?x1x1x2xf32> -> tensor<?x1x1x2xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %x_1 = dataflow.input %x : tensor<?x1x1x2xi8, #int8.pow2<-6>> -> tensor<?x1x1x2xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %b = int8.constant <2xi32, [0, 0]> : tensor<2xi32, #int8.pow2<-12>>
// CHECK-NEXT:    %0 = shift.constant <2x1x1x2xui8, [0, 1, 2, 3]> : tensor<2x1x1x2xi4, #shift.code<-6>>
// CHECK-NEXT:    %1 = shift.constant <2x1x1x2xui8, [6, 7, 7, 6]> : tensor<2x1x1x2xi4, #shift.code<-6>>
// CHECK-NEXT:    %2 = int8.constant <2xi32, [0, 0]> : tensor<2xi32, #int8.pow2<-12>>
// CHECK-NEXT:    %3 = dataflow.job %x_1, %1, %2 multipliers [16777216] : tensor<?x1x1x2xi8, #int8.pow2<-6>>, tensor<2x1x1x2xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-12>> -> tensor<?x2x1x1xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %4 = dataflow.job %x_1, %0, %b residual %3 : tensor<?x2x1x1xi8, #int8.pow2<-6>> multipliers [16777216] : tensor<?x1x1x2xi8, #int8.pow2<-6>>, tensor<2x1x1x2xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-12>> -> tensor<?x2x1x1xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %y = layout.reshape %4 : (tensor<?x2x1x1xi8, #int8.pow2<-6>>) -> tensor<?x2xi8, #int8.pow2<-6>>
// CHECK-NEXT:    func.return %y : tensor<?x2xi8, #int8.pow2<-6>>
func.func @main(%f: tensor<?x1x1x2xf32>) -> tensor<?x2xi8, #int8.pow2<-6>> {
  %x = int8.quantize %f : tensor<?x1x1x2xf32> -> tensor<?x1x1x2xi8, #int8.pow2<-6>>
  %r = layout.reshape %x : (tensor<?x1x1x2xi8, #int8.pow2<-6>>) -> tensor<?x2xi8, #int8.pow2<-6>>
  %w = shift.constant <2x2xui8, [0, 1, 2, 3]> : tensor<2x2xi4, #shift.code<-6>>
  %b = int8.constant <2xi32, [0, 0]> : tensor<2xi32, #int8.pow2<-12>>
  %a = shift.gemm %r, %w, %b : tensor<?x2xi8, #int8.pow2<-6>>, tensor<2x2xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-12>> -> tensor<?x2xi32, #int8.pow2<-12>>
  %y = int8.requantize %a residual %r : tensor<?x2xi8, #int8.pow2<-6>> shift [6] bounds [-128, 127] : tensor<?x2xi32, #int8.pow2<-12>> -> tensor<?x2xi8, #int8.pow2<-6>>
  func.return %y : tensor<?x2xi8, #int8.pow2<-6>>
}
