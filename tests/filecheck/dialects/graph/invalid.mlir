// RUN: tf2c-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

// One broken constraint per chunk, named by its op and label.

// graph.constant C1: the blob has the result's shape
// CHECK: expected a blob of float32 (3,), got float32 (2,)
func.func @constant() {
  %c = graph.constant <2xf32, [0.5, -1.0]> : tensor<3xf32>
  func.return
}

// -----

// graph.constant C1: the blob has the result's type
// CHECK: expected a blob of float32 (2,), got int8 (2,)
func.func @constant() {
  %c = graph.constant <2xi8, [1, 2]> : tensor<2xf32>
  func.return
}

// -----

// graph.conv C1: a dynamic batch
// CHECK: expected an image with a dynamic batch and 3 known extents, got 1x1x8x8
func.func @conv(%x: tensor<1x1x8x8xf32>, %w: tensor<4x1x3x3xf32>) {
  %y = graph.conv %x, %w : tensor<1x1x8x8xf32>, tensor<4x1x3x3xf32> -> tensor<?x4x6x6xf32>
  func.return
}

// -----

// graph.conv C1: known extents
// CHECK: expected an image with a dynamic batch and 3 known extents, got ?x1x?x8
func.func @conv(%x: tensor<?x1x?x8xf32>, %w: tensor<4x1x3x3xf32>) {
  %y = graph.conv %x, %w : tensor<?x1x?x8xf32>, tensor<4x1x3x3xf32> -> tensor<?x4x6x6xf32>
  func.return
}

// -----

// graph.conv C1: an image of rank 4
// CHECK: expected an image with a dynamic batch and 3 known extents, got ?x8
func.func @conv(%x: tensor<?x8xf32>, %w: tensor<4x1x3x3xf32>) {
  %y = graph.conv %x, %w : tensor<?x8xf32>, tensor<4x1x3x3xf32> -> tensor<?x4x6x6xf32>
  func.return
}

// -----

// graph.conv C1: a weight of rank 4
// CHECK: expected a weight of rank 4, got 4x9
func.func @conv(%x: tensor<?x1x8x8xf32>, %w: tensor<4x9xf32>) {
  %y = graph.conv %x, %w : tensor<?x1x8x8xf32>, tensor<4x9xf32> -> tensor<?x4x6x6xf32>
  func.return
}

// -----

// graph.conv C1: a weight for the image's channels
// CHECK: expected a weight for 1 channels, got 2
func.func @conv(%x: tensor<?x1x8x8xf32>, %w: tensor<4x2x3x3xf32>) {
  %y = graph.conv %x, %w : tensor<?x1x8x8xf32>, tensor<4x2x3x3xf32> -> tensor<?x4x6x6xf32>
  func.return
}

// -----

// graph.conv C1: positive strides
// CHECK: expected two `strides` >= 1, got [0, 1]
func.func @conv(%x: tensor<?x1x8x8xf32>, %w: tensor<4x1x3x3xf32>) {
  %y = graph.conv %x, %w strides [0, 1] : tensor<?x1x8x8xf32>, tensor<4x1x3x3xf32> -> tensor<?x4x6x6xf32>
  func.return
}

// -----

// graph.conv C1: two strides
// CHECK: expected two `strides` >= 1, got [1]
func.func @conv(%x: tensor<?x1x8x8xf32>, %w: tensor<4x1x3x3xf32>) {
  %y = graph.conv %x, %w strides [1] : tensor<?x1x8x8xf32>, tensor<4x1x3x3xf32> -> tensor<?x4x6x6xf32>
  func.return
}

// -----

// graph.conv C1: four pads
// CHECK: expected four `pads` >= 0, got [1, 1]
func.func @conv(%x: tensor<?x1x8x8xf32>, %w: tensor<4x1x3x3xf32>) {
  %y = graph.conv %x, %w pads [1, 1] : tensor<?x1x8x8xf32>, tensor<4x1x3x3xf32> -> tensor<?x4x6x6xf32>
  func.return
}

// -----

// graph.conv C1: a kernel that fits the padded image
// CHECK: expected a window that fits the padded image, got 9x3 on 8x8
func.func @conv(%x: tensor<?x1x8x8xf32>, %w: tensor<4x1x9x3xf32>) {
  %y = graph.conv %x, %w : tensor<?x1x8x8xf32>, tensor<4x1x9x3xf32> -> tensor<?x4x6x6xf32>
  func.return
}

// -----

// graph.conv C1: the result's extents
// CHECK: expected a result of shape ?x4x6x6, got ?x4x8x8
func.func @conv(%x: tensor<?x1x8x8xf32>, %w: tensor<4x1x3x3xf32>) {
  %y = graph.conv %x, %w : tensor<?x1x8x8xf32>, tensor<4x1x3x3xf32> -> tensor<?x4x8x8xf32>
  func.return
}

// -----

// graph.conv C2: a bias per filter
// CHECK: expected a bias of shape 4, got 1
func.func @conv(%x: tensor<?x1x8x8xf32>, %w: tensor<4x1x3x3xf32>, %b: tensor<1xf32>) {
  %y = graph.conv %x, %w bias %b : tensor<1xf32> : tensor<?x1x8x8xf32>, tensor<4x1x3x3xf32> -> tensor<?x4x6x6xf32>
  func.return
}

// -----

// graph.conv C2: a residual of the result's shape
// CHECK: expected a residual of shape ?x4x6x6, got ?x4x8x8
func.func @conv(%x: tensor<?x1x8x8xf32>, %w: tensor<4x1x3x3xf32>, %r: tensor<?x4x8x8xf32>) {
  %y = graph.conv %x, %w residual %r : tensor<?x4x8x8xf32> : tensor<?x1x8x8xf32>, tensor<4x1x3x3xf32> -> tensor<?x4x6x6xf32>
  func.return
}

// -----

// graph.gemm C1: one row per image
// CHECK: expected an input with a dynamic batch and 1 known extents, got ?x6x1x1
func.func @gemm(%x: tensor<?x6x1x1xf32>, %w: tensor<4x6xf32>) {
  %y = graph.gemm %x, %w : tensor<?x6x1x1xf32>, tensor<4x6xf32> -> tensor<?x4xf32>
  func.return
}

// -----

// graph.gemm C1: a weight of rank 2
// CHECK: expected a weight of rank 2, got 4x6x1x1
func.func @gemm(%x: tensor<?x6xf32>, %w: tensor<4x6x1x1xf32>) {
  %y = graph.gemm %x, %w : tensor<?x6xf32>, tensor<4x6x1x1xf32> -> tensor<?x4xf32>
  func.return
}

// -----

// graph.gemm C1: a weight for the inputs
// CHECK: expected a weight for 6 inputs, got 5
func.func @gemm(%x: tensor<?x6xf32>, %w: tensor<4x5xf32>) {
  %y = graph.gemm %x, %w : tensor<?x6xf32>, tensor<4x5xf32> -> tensor<?x4xf32>
  func.return
}

// -----

// graph.gemm C1: the result's extents
// CHECK: expected a result of shape ?x4, got ?x6
func.func @gemm(%x: tensor<?x6xf32>, %w: tensor<4x6xf32>) {
  %y = graph.gemm %x, %w : tensor<?x6xf32>, tensor<4x6xf32> -> tensor<?x6xf32>
  func.return
}

// -----

// graph.gemm C2: a bias per filter
// CHECK: expected a bias of shape 4, got 6
func.func @gemm(%x: tensor<?x6xf32>, %w: tensor<4x6xf32>, %b: tensor<6xf32>) {
  %y = graph.gemm %x, %w bias %b : tensor<6xf32> : tensor<?x6xf32>, tensor<4x6xf32> -> tensor<?x4xf32>
  func.return
}

// -----

// graph.gemm C2: a residual of the result's shape
// CHECK: expected a residual of shape ?x4, got ?x6
func.func @gemm(%x: tensor<?x6xf32>, %w: tensor<4x6xf32>, %r: tensor<?x6xf32>) {
  %y = graph.gemm %x, %w residual %r : tensor<?x6xf32> : tensor<?x6xf32>, tensor<4x6xf32> -> tensor<?x4xf32>
  func.return
}

// -----

// graph.batch_normalization C1: a dynamic batch
// CHECK: expected an input with a dynamic batch and 1 known extents, got 2x4
func.func @batch_normalization(%x: tensor<2x4xf32>, %s: tensor<4xf32>, %p: tensor<4xf32>) {
  %y = graph.batch_normalization %x, %s, %p, %p, %p {epsilon = 1.0e-05 : f32} : (tensor<2x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  func.return
}

// -----

// graph.batch_normalization C1: channels
// CHECK: expected an input with a dynamic batch
func.func @batch_normalization(%x: tensor<?xf32>, %s: tensor<4xf32>, %p: tensor<4xf32>) {
  %y = graph.batch_normalization %x, %s, %p, %p, %p {epsilon = 1.0e-05 : f32} : (tensor<?xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<?xf32>
  func.return
}

// -----

// graph.batch_normalization C1: a parameter per channel
// CHECK: expected a parameter of shape 4, got 3
func.func @batch_normalization(%x: tensor<?x4xf32>, %s: tensor<3xf32>, %p: tensor<4xf32>) {
  %y = graph.batch_normalization %x, %s, %p, %p, %p {epsilon = 1.0e-05 : f32} : (tensor<?x4xf32>, tensor<3xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  func.return
}

// -----

// graph.batch_normalization C2: the result has the input's type
// CHECK: expected a result of shape ?x4, got ?x5
func.func @batch_normalization(%x: tensor<?x4xf32>, %s: tensor<4xf32>, %p: tensor<4xf32>) {
  %y = graph.batch_normalization %x, %s, %p, %p, %p {epsilon = 1.0e-05 : f32} : (tensor<?x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<?x5xf32>
  func.return
}

// -----

// graph.relu C1: the result has the input's type
// CHECK: expected a result of shape ?x4, got ?x5
func.func @relu(%x: tensor<?x4xf32>) {
  %y = graph.relu %x : (tensor<?x4xf32>) -> tensor<?x5xf32>
  func.return
}

// -----

// graph.max_pool C1: two kernel extents
// CHECK: expected two kernel extents >= 1, got [2]
func.func @max_pool(%x: tensor<?x4x8x8xf32>) {
  %y = graph.max_pool %x kernel [2] : (tensor<?x4x8x8xf32>) -> tensor<?x4x4x4xf32>
  func.return
}

// -----

// graph.max_pool C1: pads smaller than the kernel
// CHECK: expected `pads` smaller than the kernel [2, 2], got [0, 2, 0, 0]
func.func @max_pool(%x: tensor<?x4x8x8xf32>) {
  %y = graph.max_pool %x kernel [2, 2] pads [0, 2, 0, 0] : (tensor<?x4x8x8xf32>) -> tensor<?x4x4x4xf32>
  func.return
}

// -----

// graph.max_pool C1: an image of rank 4
// CHECK: expected an image with a dynamic batch and 3 known extents, got ?x4
func.func @max_pool(%x: tensor<?x4xf32>) {
  %y = graph.max_pool %x kernel [2, 2] strides [2, 2] : (tensor<?x4xf32>) -> tensor<?x4x4x4xf32>
  func.return
}

// -----

// graph.max_pool C1: the result's extents
// CHECK: expected a result of shape ?x4x4x4, got ?x4x3x3
func.func @max_pool(%x: tensor<?x4x8x8xf32>) {
  %y = graph.max_pool %x kernel [2, 2] strides [2, 2] : (tensor<?x4x8x8xf32>) -> tensor<?x4x3x3xf32>
  func.return
}

// -----

// graph.add C1: operands of one shape
// CHECK: expected a second operand of shape ?x4, got ?x1
func.func @add(%a: tensor<?x4xf32>, %b: tensor<?x1xf32>) {
  %y = graph.add %a, %b : (tensor<?x4xf32>, tensor<?x1xf32>) -> tensor<?x4xf32>
  func.return
}

// -----

// graph.add C1: a result of the operands' shape
// CHECK: expected a result of shape ?x4, got ?x1
func.func @add(%a: tensor<?x4xf32>) {
  %y = graph.add %a, %a : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x1xf32>
  func.return
}

// -----

// graph.conv C1: a group that divides the channels
// CHECK: expected `group` to divide 4 channels and 6 filters, got 3
func.func @conv(%x: tensor<?x4x8x8xf32>, %w: tensor<6x1x3x3xf32>) {
  %y = graph.conv %x, %w group 3 : tensor<?x4x8x8xf32>, tensor<6x1x3x3xf32> -> tensor<?x6x6x6xf32>
  func.return
}

// -----

// graph.conv C1: a group that divides the filters
// CHECK: expected `group` to divide 4 channels and 6 filters, got 4
func.func @conv(%x: tensor<?x4x8x8xf32>, %w: tensor<6x1x3x3xf32>) {
  %y = graph.conv %x, %w group 4 : tensor<?x4x8x8xf32>, tensor<6x1x3x3xf32> -> tensor<?x6x6x6xf32>
  func.return
}

// -----

// graph.conv C1: at least one group
// CHECK: expected integer >= 1, got 0
func.func @conv(%x: tensor<?x4x8x8xf32>, %w: tensor<6x4x3x3xf32>) {
  %y = graph.conv %x, %w group 0 : tensor<?x4x8x8xf32>, tensor<6x4x3x3xf32> -> tensor<?x6x6x6xf32>
  func.return
}

// -----

// graph.conv C1: a weight for the channels of a group
// CHECK: expected a weight for 2 channels, got 4
func.func @conv(%x: tensor<?x4x8x8xf32>, %w: tensor<6x4x3x3xf32>) {
  %y = graph.conv %x, %w group 2 : tensor<?x4x8x8xf32>, tensor<6x4x3x3xf32> -> tensor<?x6x6x6xf32>
  func.return
}

// -----

// graph.conv C1: positive dilations
// CHECK: expected two `dilations` >= 1, got [0, 1]
func.func @conv(%x: tensor<?x4x8x8xf32>, %w: tensor<6x4x3x3xf32>) {
  %y = graph.conv %x, %w dilations [0, 1] : tensor<?x4x8x8xf32>, tensor<6x4x3x3xf32> -> tensor<?x6x6x6xf32>
  func.return
}

// -----

// graph.conv C1: two dilations
// CHECK: expected two `dilations` >= 1, got [2]
func.func @conv(%x: tensor<?x4x8x8xf32>, %w: tensor<6x4x3x3xf32>) {
  %y = graph.conv %x, %w dilations [2] : tensor<?x4x8x8xf32>, tensor<6x4x3x3xf32> -> tensor<?x6x6x6xf32>
  func.return
}

// -----

// graph.conv C1: a dilated kernel that fits the image
// CHECK: expected a window that fits the padded image, got 3x3 on 8x8
func.func @conv(%x: tensor<?x4x8x8xf32>, %w: tensor<6x4x3x3xf32>) {
  %y = graph.conv %x, %w dilations [4, 1] : tensor<?x4x8x8xf32>, tensor<6x4x3x3xf32> -> tensor<?x6x6x6xf32>
  func.return
}

// -----

// graph.conv C1: the result's extents with dilations
// CHECK: expected a result of shape ?x6x4x6, got ?x6x6x6
func.func @conv(%x: tensor<?x4x8x8xf32>, %w: tensor<6x4x3x3xf32>) {
  %y = graph.conv %x, %w dilations [2, 1] : tensor<?x4x8x8xf32>, tensor<6x4x3x3xf32> -> tensor<?x6x6x6xf32>
  func.return
}

// -----

// graph.conv C1: a known activation
// CHECK: expected `none`, `relu` or `clip<LOWER, UPPER>`, got tanh
func.func @conv(%x: tensor<?x4x8x8xf32>, %w: tensor<6x4x3x3xf32>) {
  %y = graph.conv %x, %w then tanh : tensor<?x4x8x8xf32>, tensor<6x4x3x3xf32> -> tensor<?x6x6x6xf32>
  func.return
}

// -----

// graph.conv C1: bounds of an activation in order
// CHECK: expected ordered bounds, got 6 and 0
func.func @conv(%x: tensor<?x4x8x8xf32>, %w: tensor<6x4x3x3xf32>) {
  %y = graph.conv %x, %w then clip<6.0, 0.0> : tensor<?x4x8x8xf32>, tensor<6x4x3x3xf32> -> tensor<?x6x6x6xf32>
  func.return
}

// -----

// graph.clip C1: the result has the input's type
// CHECK: expected a result of shape ?x4, got ?x5
func.func @clip(%x: tensor<?x4xf32>) {
  %y = graph.clip %x {minimum = 0.0 : f32, maximum = 6.0 : f32} : (tensor<?x4xf32>) -> tensor<?x5xf32>
  func.return
}

// -----

// graph.clip C2: bounds in order
// CHECK: expected ordered bounds, got 6 and 0
func.func @clip(%x: tensor<?x4xf32>) {
  %y = graph.clip %x {minimum = 6.0 : f32, maximum = 0.0 : f32} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  func.return
}

// -----

// graph.clip C2: bounds that are numbers
// CHECK: expected ordered bounds, got 0 and nan
func.func @clip(%x: tensor<?x4xf32>) {
  %y = graph.clip %x {minimum = 0.0 : f32, maximum = 0x7FC00000 : f32} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  func.return
}

// -----

// graph.softmax C1: the result has the input's type
// CHECK: expected a result of shape ?x4, got ?x5
func.func @softmax(%x: tensor<?x4xf32>) {
  %y = graph.softmax %x axis 1 : (tensor<?x4xf32>) -> tensor<?x5xf32>
  func.return
}

// -----

// graph.softmax C2: an axis of the input
// CHECK: expected an axis in 1..1, got 2
func.func @softmax(%x: tensor<?x4xf32>) {
  %y = graph.softmax %x axis 2 : (tensor<?x4xf32>) -> tensor<?x4xf32>
  func.return
}

// -----

// graph.softmax C2: an axis behind the batch
// CHECK: expected integer >= 1, got 0
func.func @softmax(%x: tensor<?x4xf32>) {
  %y = graph.softmax %x axis 0 : (tensor<?x4xf32>) -> tensor<?x4xf32>
  func.return
}

// -----

// graph.lrn C1: an image
// CHECK: expected an image with a dynamic batch and 3 known extents, got ?x4
func.func @lrn(%x: tensor<?x4xf32>) {
  %y = graph.lrn %x size 5 {alpha = 0.1 : f32, beta = 0.75 : f32, bias = 1.0 : f32} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  func.return
}

// -----

// graph.lrn C1: the result has the input's type
// CHECK: expected a result of shape ?x4x8x8, got ?x4x8x7
func.func @lrn(%x: tensor<?x4x8x8xf32>) {
  %y = graph.lrn %x size 5 {alpha = 0.1 : f32, beta = 0.75 : f32, bias = 1.0 : f32} : (tensor<?x4x8x8xf32>) -> tensor<?x4x8x7xf32>
  func.return
}

// -----

// graph.lrn C1: at least one channel
// CHECK: expected integer >= 1, got 0
func.func @lrn(%x: tensor<?x4x8x8xf32>) {
  %y = graph.lrn %x size 0 {alpha = 0.1 : f32, beta = 0.75 : f32, bias = 1.0 : f32} : (tensor<?x4x8x8xf32>) -> tensor<?x4x8x8xf32>
  func.return
}

// -----

// graph.average_pool C1: an image of rank 4
// CHECK: expected an image with a dynamic batch and 3 known extents, got ?x4
func.func @average_pool(%x: tensor<?x4xf32>) {
  %y = graph.average_pool %x kernel [2, 2] : (tensor<?x4xf32>) -> tensor<?x4xf32>
  func.return
}

// -----

// graph.average_pool C1: pads smaller than the kernel
// CHECK: expected `pads` smaller than the kernel [2, 2], got [0, 0, 0, 2]
func.func @average_pool(%x: tensor<?x4x8x8xf32>) {
  %y = graph.average_pool %x kernel [2, 2] pads [0, 0, 0, 2] : (tensor<?x4x8x8xf32>) -> tensor<?x4x7x9xf32>
  func.return
}

// -----

// graph.average_pool C1: the result's extents
// CHECK: expected a result of shape ?x4x1x1, got ?x4x8x8
func.func @average_pool(%x: tensor<?x4x8x8xf32>) {
  %y = graph.average_pool %x kernel [8, 8] : (tensor<?x4x8x8xf32>) -> tensor<?x4x8x8xf32>
  func.return
}
