// RUN: tf2c-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

// One broken constraint per chunk, named by its op and label.

// dataflow.engine C1: a channel vector that OpenCL has
// CHECK: expected `channel_vector` of 2, 4, 8, 16, got 3
dataflow.engine filter_vector 16 channel_vector 3 pixel_vector 14 largest_split 2 weight_depth 1024 channel_depth 512

// -----

// dataflow.engine C1: vectors that divide each other
// CHECK: expected `filter_vector` to be a multiple of 8, got 12
dataflow.engine filter_vector 12 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 1024 channel_depth 512

// -----

// dataflow.engine C1: a positive depth
// CHECK: expected integer >= 1, got 0
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 0 channel_depth 512

// -----

// dataflow.input C1: an image
// CHECK: expected an image with a dynamic batch and 3 known extents, got ?x8
func.func @input(%q: tensor<?x8xi8, #int8.pow2<-7>>) {
  %x = dataflow.input %q : tensor<?x8xi8, #int8.pow2<-7>> -> tensor<?x8xi8, #int8.pow2<-7>>
  func.return
}

// -----

// dataflow.input C1: a result of the input's shape
// CHECK: expected a result of shape ?x1x8x8, got ?x1x8x4
func.func @input(%q: tensor<?x1x8x8xi8, #int8.pow2<-7>>) {
  %x = dataflow.input %q : tensor<?x1x8x8xi8, #int8.pow2<-7>> -> tensor<?x1x8x4xi8, #int8.pow2<-7>>
  func.return
}

// -----

// dataflow.input C1: the input's scale
// CHECK: expected scale #int8.pow2<-7>, got #int8.pow2<-6>
func.func @input(%q: tensor<?x1x8x8xi8, #int8.pow2<-7>>) {
  %x = dataflow.input %q : tensor<?x1x8x8xi8, #int8.pow2<-7>> -> tensor<?x1x8x8xi8, #int8.pow2<-6>>
  func.return
}

// -----

// dataflow.input C1: a place in the memory
// CHECK: expected integer >= 0, got -1
func.func @input(%q: tensor<?x1x8x8xi8, #int8.pow2<-7>>) {
  %x = dataflow.input %q at -1 : tensor<?x1x8x8xi8, #int8.pow2<-7>> -> tensor<?x1x8x8xi8, #int8.pow2<-7>>
  func.return
}

// -----

// dataflow.job C1: a module with an engine
// CHECK: expected one `dataflow.engine` in the module, got none
func.func @job(%x: tensor<?x1x8x8xi8, #int8.pow2<-7>>, %w: tensor<2x1x3x3xi4, #shift.code<-6>>, %b: tensor<2xi32, #int8.pow2<-13>>) {
  %y = dataflow.job %x, %w, %b multipliers [4194304] bounds [0, 127] : tensor<?x1x8x8xi8, #int8.pow2<-7>>, tensor<2x1x3x3xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2x6x6xi8, #int8.pow2<-5>>
  func.return
}

// -----

// dataflow.job C1: the result's extents
// CHECK: expected a result of shape ?x2x6x6, got ?x2x8x8
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @job(%x: tensor<?x1x8x8xi8, #int8.pow2<-7>>, %w: tensor<2x1x3x3xi4, #shift.code<-6>>, %b: tensor<2xi32, #int8.pow2<-13>>) {
  %y = dataflow.job %x, %w, %b multipliers [4194304] bounds [0, 127] : tensor<?x1x8x8xi8, #int8.pow2<-7>>, tensor<2x1x3x3xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2x8x8xi8, #int8.pow2<-5>>
  func.return
}

// -----

// dataflow.job C1: the pooled extents
// CHECK: expected a result of shape ?x2x3x3, got ?x2x6x6
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @job(%x: tensor<?x1x8x8xi8, #int8.pow2<-7>>, %w: tensor<2x1x3x3xi4, #shift.code<-6>>, %b: tensor<2xi32, #int8.pow2<-13>>) {
  %y = dataflow.job %x, %w, %b multipliers [4194304] bounds [0, 127] pool [2, 2] pool_strides [2, 2] : tensor<?x1x8x8xi8, #int8.pow2<-7>>, tensor<2x1x3x3xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2x6x6xi8, #int8.pow2<-5>>
  func.return
}

// -----

// dataflow.job C1: a residual of the convolution's shape
// CHECK: expected a residual of shape ?x2x6x6, got ?x2x3x3
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @job(%x: tensor<?x1x8x8xi8, #int8.pow2<-7>>, %w: tensor<2x1x3x3xi4, #shift.code<-6>>, %b: tensor<2xi32, #int8.pow2<-13>>, %r: tensor<?x2x3x3xi8, #int8.pow2<-5>>) {
  %y = dataflow.job %x, %w, %b residual %r : tensor<?x2x3x3xi8, #int8.pow2<-5>> multipliers [4194304] bounds [0, 127] pool [2, 2] pool_strides [2, 2] : tensor<?x1x8x8xi8, #int8.pow2<-7>>, tensor<2x1x3x3xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2x3x3xi8, #int8.pow2<-5>>
  func.return
}

// -----

// dataflow.job C1: a kernel that fits the padded image
// CHECK: expected a window that fits the padded image, got 9x3 on 8x8
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @job(%x: tensor<?x1x8x8xi8, #int8.pow2<-7>>, %w: tensor<2x1x9x3xi4, #shift.code<-6>>, %b: tensor<2xi32, #int8.pow2<-13>>) {
  %y = dataflow.job %x, %w, %b multipliers [4194304] bounds [0, 127] : tensor<?x1x8x8xi8, #int8.pow2<-7>>, tensor<2x1x9x3xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2x6x6xi8, #int8.pow2<-5>>
  func.return
}

// -----

// dataflow.job C1: a weight for the image's channels
// CHECK: expected a weight for 1 channels, got 3
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @job(%x: tensor<?x1x8x8xi8, #int8.pow2<-7>>, %w: tensor<2x3x3x3xi4, #shift.code<-6>>, %b: tensor<2xi32, #int8.pow2<-13>>) {
  %y = dataflow.job %x, %w, %b multipliers [4194304] bounds [0, 127] : tensor<?x1x8x8xi8, #int8.pow2<-7>>, tensor<2x3x3x3xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2x6x6xi8, #int8.pow2<-5>>
  func.return
}

// -----

// dataflow.job C1: an image of rank 4
// CHECK: expected an image with a dynamic batch and 3 known extents, got ?x8
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @job(%x: tensor<?x8xi8, #int8.pow2<-7>>, %w: tensor<2x1x3x3xi4, #shift.code<-6>>, %b: tensor<2xi32, #int8.pow2<-13>>) {
  %y = dataflow.job %x, %w, %b multipliers [4194304] bounds [0, 127] : tensor<?x8xi8, #int8.pow2<-7>>, tensor<2x1x3x3xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2x6x6xi8, #int8.pow2<-5>>
  func.return
}

// -----

// dataflow.job C1: positive strides
// CHECK: expected two `strides` >= 1, got [0, 1]
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @job(%x: tensor<?x1x8x8xi8, #int8.pow2<-7>>, %w: tensor<2x1x3x3xi4, #shift.code<-6>>, %b: tensor<2xi32, #int8.pow2<-13>>) {
  %y = dataflow.job %x, %w, %b strides [0, 1] multipliers [4194304] bounds [0, 127] : tensor<?x1x8x8xi8, #int8.pow2<-7>>, tensor<2x1x3x3xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2x6x6xi8, #int8.pow2<-5>>
  func.return
}

// -----

// dataflow.job C1: pads smaller than the pooling's kernel
// CHECK: expected `pads` smaller than the kernel [2, 2], got [2, 0, 0, 0]
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @job(%x: tensor<?x1x8x8xi8, #int8.pow2<-7>>, %w: tensor<2x1x3x3xi4, #shift.code<-6>>, %b: tensor<2xi32, #int8.pow2<-13>>) {
  %y = dataflow.job %x, %w, %b multipliers [4194304] bounds [0, 127] pool [2, 2] pool_strides [2, 2] pool_pads [2, 0, 0, 0] : tensor<?x1x8x8xi8, #int8.pow2<-7>>, tensor<2x1x3x3xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2x4x3xi8, #int8.pow2<-5>>
  func.return
}

// -----

// dataflow.job C2: the bias's exponents
// CHECK: expected a bias with exponents [-13], got [-7]
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @job(%x: tensor<?x1x8x8xi8, #int8.pow2<-7>>, %w: tensor<2x1x3x3xi4, #shift.code<-6>>, %b: tensor<2xi32, #int8.pow2<-7>>) {
  %y = dataflow.job %x, %w, %b multipliers [4194304] bounds [0, 127] : tensor<?x1x8x8xi8, #int8.pow2<-7>>, tensor<2x1x3x3xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-7>> -> tensor<?x2x6x6xi8, #int8.pow2<-5>>
  func.return
}

// -----

// dataflow.job C2: a raw result's exponents
// CHECK: expected a result tensor<?x2x6x6xi32, #int8.pow2<-13>>, got tensor<?x2x6x6xi32, #int8.pow2<-12>>
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @job(%x: tensor<?x1x8x8xi8, #int8.pow2<-7>>, %w: tensor<2x1x3x3xi4, #shift.code<-6>>, %b: tensor<2xi32, #int8.pow2<-13>>) {
  %y = dataflow.job %x, %w, %b : tensor<?x1x8x8xi8, #int8.pow2<-7>>, tensor<2x1x3x3xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2x6x6xi32, #int8.pow2<-12>>
  func.return
}

// -----

// dataflow.job C2: a raw result of accumulators
// CHECK: expected a result tensor<?x2x6x6xi32, #int8.pow2<-13>>, got tensor<?x2x6x6xi8, #int8.pow2<-13>>
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @job(%x: tensor<?x1x8x8xi8, #int8.pow2<-7>>, %w: tensor<2x1x3x3xi4, #shift.code<-6>>, %b: tensor<2xi32, #int8.pow2<-13>>) {
  %y = dataflow.job %x, %w, %b : tensor<?x1x8x8xi8, #int8.pow2<-7>>, tensor<2x1x3x3xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2x6x6xi8, #int8.pow2<-13>>
  func.return
}

// -----

// dataflow.job C3: no pooling of accumulators
// CHECK: expected a raw job without residual and pooling
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @job(%x: tensor<?x1x8x8xi8, #int8.pow2<-7>>, %w: tensor<2x1x3x3xi4, #shift.code<-6>>, %b: tensor<2xi32, #int8.pow2<-13>>) {
  %y = dataflow.job %x, %w, %b pool [2, 2] pool_strides [2, 2] : tensor<?x1x8x8xi8, #int8.pow2<-7>>, tensor<2x1x3x3xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2x3x3xi32, #int8.pow2<-13>>
  func.return
}

// -----

// dataflow.job C3: no residual of accumulators
// CHECK: expected a raw job without residual and pooling
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @job(%x: tensor<?x1x8x8xi8, #int8.pow2<-7>>, %w: tensor<2x1x3x3xi4, #shift.code<-6>>, %b: tensor<2xi32, #int8.pow2<-13>>, %r: tensor<?x2x6x6xi8, #int8.pow2<-5>>) {
  %y = dataflow.job %x, %w, %b residual %r : tensor<?x2x6x6xi8, #int8.pow2<-5>> : tensor<?x1x8x8xi8, #int8.pow2<-7>>, tensor<2x1x3x3xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2x6x6xi32, #int8.pow2<-13>>
  func.return
}

// -----

// dataflow.job C4: a multiplier, or one per filter
// CHECK: expected 1 or 2 of `multipliers`, got 3
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @job(%x: tensor<?x1x8x8xi8, #int8.pow2<-7>>, %w: tensor<2x1x3x3xi4, #shift.code<-6>>, %b: tensor<2xi32, #int8.pow2<-13>>) {
  %y = dataflow.job %x, %w, %b multipliers [1, 1, 1] bounds [0, 127] : tensor<?x1x8x8xi8, #int8.pow2<-7>>, tensor<2x1x3x3xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2x6x6xi8, #int8.pow2<-5>>
  func.return
}

// -----

// dataflow.job C4: a multiplier of the engine's width
// CHECK: expected `multipliers` in 0..67108863, got 67108864..67108864
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @job(%x: tensor<?x1x8x8xi8, #int8.pow2<-7>>, %w: tensor<2x1x3x3xi4, #shift.code<-6>>, %b: tensor<2xi32, #int8.pow2<-13>>) {
  %y = dataflow.job %x, %w, %b multipliers [67108864] bounds [0, 127] : tensor<?x1x8x8xi8, #int8.pow2<-7>>, tensor<2x1x3x3xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2x6x6xi8, #int8.pow2<-5>>
  func.return
}

// -----

// dataflow.job C5: a residual shift from 0
// CHECK: expected a residual shift in 0..48, got -1
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @job(%x: tensor<?x1x8x8xi8, #int8.pow2<-7>>, %w: tensor<2x1x3x3xi4, #shift.code<-6>>, %b: tensor<2xi32, #int8.pow2<-13>>, %r: tensor<?x2x6x6xi8, #int8.pow2<-36>>) {
  %y = dataflow.job %x, %w, %b residual %r : tensor<?x2x6x6xi8, #int8.pow2<-36>> multipliers [4194304] bounds [0, 127] : tensor<?x1x8x8xi8, #int8.pow2<-7>>, tensor<2x1x3x3xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2x6x6xi8, #int8.pow2<-5>>
  func.return
}

// -----

// dataflow.job C5: bounds in order
// CHECK: expected two ordered i8 `bounds`, got [1, 0]
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @job(%x: tensor<?x1x8x8xi8, #int8.pow2<-7>>, %w: tensor<2x1x3x3xi4, #shift.code<-6>>, %b: tensor<2xi32, #int8.pow2<-13>>) {
  %y = dataflow.job %x, %w, %b multipliers [4194304] bounds [1, 0] : tensor<?x1x8x8xi8, #int8.pow2<-7>>, tensor<2x1x3x3xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2x6x6xi8, #int8.pow2<-5>>
  func.return
}

// -----

// dataflow.job C5: one exponent of the result
// CHECK: expected one scale for the whole tensor, got one per channel
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @job(%x: tensor<?x1x8x8xi8, #int8.pow2<-7>>, %w: tensor<2x1x3x3xi4, #shift.code<-6>>, %b: tensor<2xi32, #int8.pow2<-13>>) {
  %y = dataflow.job %x, %w, %b multipliers [4194304] bounds [0, 127] : tensor<?x1x8x8xi8, #int8.pow2<-7>>, tensor<2x1x3x3xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2x6x6xi8, #int8.pow2<[-5, -5], axis = 1>>
  func.return
}

// -----

// dataflow.job C6: a rest behind a whole tile of more parts
// CHECK: expected filters behind a whole tile of 2 parts, in fewer parts and in one group, got 1 parts for the rest
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @job(%x: tensor<?x1x8x8xi8, #int8.pow2<-7>>, %w: tensor<2x1x3x3xi4, #shift.code<-6>>, %b: tensor<2xi32, #int8.pow2<-13>>) {
  %y = dataflow.job %x, %w, %b split 2 rest 1 : tensor<?x1x8x8xi8, #int8.pow2<-7>>, tensor<2x1x3x3xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2x6x6xi32, #int8.pow2<-13>>
  func.return
}

// -----

// dataflow.job C7: weights of a filter tile in the weight memory
// CHECK: expected at most 64 weight words per filter tile, got 81
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @job(%x: tensor<?x1x9x9xi8, #int8.pow2<-7>>, %w: tensor<2x1x9x9xi4, #shift.code<-6>>, %b: tensor<2xi32, #int8.pow2<-13>>) {
  %y = dataflow.job %x, %w, %b multipliers [4194304] bounds [0, 127] : tensor<?x1x9x9xi8, #int8.pow2<-7>>, tensor<2x1x9x9xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2x1x1xi8, #int8.pow2<-5>>
  func.return
}

// -----

// dataflow.job C1: a group that divides the filters
// CHECK: expected `group` to divide 4 channels and 6 filters, got 4
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @job(%x: tensor<?x4x8x8xi8, #int8.pow2<-7>>, %w: tensor<6x1x1x1xi4, #shift.code<-6>>, %b: tensor<6xi32, #int8.pow2<-13>>) {
  %y = dataflow.job %x, %w, %b group 4 multipliers [4194304] : tensor<?x4x8x8xi8, #int8.pow2<-7>>, tensor<6x1x1x1xi4, #shift.code<-6>>, tensor<6xi32, #int8.pow2<-13>> -> tensor<?x6x8x8xi8, #int8.pow2<-7>>
  func.return
}

// -----

// dataflow.job C1: positive dilations
// CHECK: expected two `dilations` >= 1, got [1, 0]
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @job(%x: tensor<?x4x8x8xi8, #int8.pow2<-7>>, %w: tensor<6x4x1x1xi4, #shift.code<-6>>, %b: tensor<6xi32, #int8.pow2<-13>>) {
  %y = dataflow.job %x, %w, %b dilations [1, 0] multipliers [4194304] : tensor<?x4x8x8xi8, #int8.pow2<-7>>, tensor<6x4x1x1xi4, #shift.code<-6>>, tensor<6xi32, #int8.pow2<-13>> -> tensor<?x6x8x8xi8, #int8.pow2<-7>>
  func.return
}

// -----

// dataflow.job C5: bounds of a wide result
// CHECK: expected two ordered i32 `bounds`, got [0, 2147483648]
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @job(%x: tensor<?x4x8x8xi8, #int8.pow2<-7>>, %w: tensor<6x4x1x1xi4, #shift.code<-6>>, %b: tensor<6xi32, #int8.pow2<-13>>) {
  %y = dataflow.job %x, %w, %b multipliers [4194304] bounds [0, 2147483648] : tensor<?x4x8x8xi8, #int8.pow2<-7>>, tensor<6x4x1x1xi4, #shift.code<-6>>, tensor<6xi32, #int8.pow2<-13>> -> tensor<?x6x8x8xi32, #int8.pow2<-7>>
  func.return
}

// -----

// dataflow.job C7: weights of two terms in the weight memory
// CHECK: expected at most 64 weight words per filter tile, got 72
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @job(%x: tensor<?x4x8x8xi8, #int8.pow2<-7>>, %w: tensor<6x4x6x6xi8, #shift.code<-6>>, %b: tensor<6xi32, #int8.pow2<-13>>) {
  %y = dataflow.job %x, %w, %b multipliers [4194304] : tensor<?x4x8x8xi8, #int8.pow2<-7>>, tensor<6x4x6x6xi8, #shift.code<-6>>, tensor<6xi32, #int8.pow2<-13>> -> tensor<?x6x3x3xi8, #int8.pow2<-7>>
  func.return
}

// -----

// dataflow.job C7: weights of a grouped convolution whose tiles read all channels
// CHECK: expected at most 64 weight words per filter tile, got 75
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @job(%x: tensor<?x18x8x8xi8, #int8.pow2<-7>>, %w: tensor<18x6x5x5xi4, #shift.code<-6>>, %b: tensor<18xi32, #int8.pow2<-13>>) {
  %y = dataflow.job %x, %w, %b group 3 multipliers [4194304] : tensor<?x18x8x8xi8, #int8.pow2<-7>>, tensor<18x6x5x5xi4, #shift.code<-6>>, tensor<18xi32, #int8.pow2<-13>> -> tensor<?x18x4x4xi8, #int8.pow2<-7>>
  func.return
}

// -----

// dataflow.concat C1: operands
// CHECK: expected operands, got none
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @concat() {
  %y = "dataflow.concat"() : () -> tensor<?x8x4x4xi8, #int8.pow2<-7>>
  func.return
}

// -----

// dataflow.concat C1: an image
// CHECK: expected an image with a dynamic batch and 3 known extents, got ?x8
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @concat(%a: tensor<?x8xi8, #int8.pow2<-7>>) {
  %y = dataflow.concat %a : (tensor<?x8xi8, #int8.pow2<-7>>) -> tensor<?x8xi8, #int8.pow2<-7>>
  func.return
}

// -----

// dataflow.concat C1: images of one size
// CHECK: expected an operand of shape ?x2x4x4, got ?x2x4x5
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @concat(%a: tensor<?x8x4x4xi8, #int8.pow2<-7>>, %b: tensor<?x2x4x5xi8, #int8.pow2<-7>>) {
  %y = dataflow.concat %a, %b : (tensor<?x8x4x4xi8, #int8.pow2<-7>>, tensor<?x2x4x5xi8, #int8.pow2<-7>>) -> tensor<?x10x4x4xi8, #int8.pow2<-7>>
  func.return
}

// -----

// dataflow.concat C1: the sum of the channels
// CHECK: expected 10 channels, got 9
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @concat(%a: tensor<?x8x4x4xi8, #int8.pow2<-7>>, %b: tensor<?x2x4x4xi8, #int8.pow2<-7>>) {
  %y = dataflow.concat %a, %b : (tensor<?x8x4x4xi8, #int8.pow2<-7>>, tensor<?x2x4x4xi8, #int8.pow2<-7>>) -> tensor<?x9x4x4xi8, #int8.pow2<-7>>
  func.return
}

// -----

// dataflow.concat C2: one scale
// CHECK: expected scale #int8.pow2<-6>, got #int8.pow2<-7>
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @concat(%a: tensor<?x8x4x4xi8, #int8.pow2<-7>>, %b: tensor<?x2x4x4xi8, #int8.pow2<-6>>) {
  %y = dataflow.concat %a, %b : (tensor<?x8x4x4xi8, #int8.pow2<-7>>, tensor<?x2x4x4xi8, #int8.pow2<-6>>) -> tensor<?x10x4x4xi8, #int8.pow2<-7>>
  func.return
}

// -----

// dataflow.concat C3: whole channel vectors in front
// CHECK: expected whole vectors of 8 channels in front, got 2
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @concat(%a: tensor<?x2x4x4xi8, #int8.pow2<-7>>, %b: tensor<?x8x4x4xi8, #int8.pow2<-7>>) {
  %y = dataflow.concat %a, %b : (tensor<?x2x4x4xi8, #int8.pow2<-7>>, tensor<?x8x4x4xi8, #int8.pow2<-7>>) -> tensor<?x10x4x4xi8, #int8.pow2<-7>>
  func.return
}

// -----

// dataflow.concat C4: operands one behind the other
// CHECK: expected an operand at 16, behind the one before, got 256
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @concat(%q: tensor<?x8x4x4xi8, #int8.pow2<-7>>) {
  %a = dataflow.input %q at 0 : tensor<?x8x4x4xi8, #int8.pow2<-7>> -> tensor<?x8x4x4xi8, #int8.pow2<-7>>
  %b = dataflow.input %q at 256 : tensor<?x8x4x4xi8, #int8.pow2<-7>> -> tensor<?x8x4x4xi8, #int8.pow2<-7>>
  %y = dataflow.concat %a, %b : (tensor<?x8x4x4xi8, #int8.pow2<-7>>, tensor<?x8x4x4xi8, #int8.pow2<-7>>) -> tensor<?x16x4x4xi8, #int8.pow2<-7>>
  func.return
}

// -----

// dataflow.job C8: windows in as many rows as the window unit has
// CHECK: expected windows in at most 8 rows at once of at most 512 pixels to pool, got 9 of 32
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @job(%x: tensor<?x1x32x32xi8, #int8.pow2<-7>>, %w: tensor<4x1x1x1xi4, #shift.code<-6>>, %b: tensor<4xi32, #int8.pow2<-13>>) {
  %y = dataflow.job %x, %w, %b multipliers [4194304] pool [9, 9] : tensor<?x1x32x32xi8, #int8.pow2<-7>>, tensor<4x1x1x1xi4, #shift.code<-6>>, tensor<4xi32, #int8.pow2<-13>> -> tensor<?x4x24x24xi8, #int8.pow2<-5>>
  func.return
}

// -----

// dataflow.job C8: rows as long as the window unit's
// CHECK: expected windows in at most 8 rows at once of at most 512 pixels to pool, got 1 of 514
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @job(%x: tensor<?x1x2x514xi8, #int8.pow2<-7>>, %w: tensor<4x1x1x1xi4, #shift.code<-6>>, %b: tensor<4xi32, #int8.pow2<-13>>) {
  %y = dataflow.job %x, %w, %b multipliers [4194304] pool [2, 2] pool_strides [2, 2] : tensor<?x1x2x514xi8, #int8.pow2<-7>>, tensor<4x1x1x1xi4, #shift.code<-6>>, tensor<4xi32, #int8.pow2<-13>> -> tensor<?x4x1x257xi8, #int8.pow2<-5>>
  func.return
}

// -----

// dataflow.job C6: vectors of pixels in parts that the engine has
// CHECK: expected vectors of pixels split into 1, 2, got 3
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @job(%x: tensor<?x1x8x8xi8, #int8.pow2<-7>>, %w: tensor<2x1x3x3xi4, #shift.code<-6>>, %b: tensor<2xi32, #int8.pow2<-13>>) {
  %y = dataflow.job %x, %w, %b split 3 : tensor<?x1x8x8xi8, #int8.pow2<-7>>, tensor<2x1x3x3xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2x6x6xi32, #int8.pow2<-13>>
  func.return
}

// -----

// dataflow.input C1: as many channels as the windows have taps
// CHECK: expected a result of shape ?x4x3x3, got ?x1x3x3
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @input(%q: tensor<?x1x4x4xi8, #int8.pow2<-7>>) {
  %x = dataflow.input %q fold [2, 2] : tensor<?x1x4x4xi8, #int8.pow2<-7>> -> tensor<?x1x3x3xi8, #int8.pow2<-7>>
  func.return
}

// -----

// dataflow.input C2: one scale
// CHECK: expected scale #int8.pow2<-7>, got #int8.pow2<-6>
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @input(%q: tensor<?x1x4x4xi8, #int8.pow2<-7>>) {
  %x = dataflow.input %q : tensor<?x1x4x4xi8, #int8.pow2<-7>> -> tensor<?x1x4x4xi8, #int8.pow2<-6>>
  func.return
}

// -----

// dataflow.job C9: each channel in a place
// CHECK: expected each channel of a job in one `dataflow.channels`
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @job(%x: tensor<?x8x4x4xi8, #int8.pow2<-7>>, %w: tensor<16x8x1x1xi4, #shift.code<0>>, %b: tensor<16xi32, #int8.pow2<-7>>) {
  %y = dataflow.job %x, %w, %b multipliers [16777216] : tensor<?x8x4x4xi8, #int8.pow2<-7>>, tensor<16x8x1x1xi4, #shift.code<0>>, tensor<16xi32, #int8.pow2<-7>> -> tensor<?x16x4x4xi8, #int8.pow2<-7>>
  %a = dataflow.channels %y first 8 : tensor<?x16x4x4xi8, #int8.pow2<-7>> -> tensor<?x8x4x4xi8, #int8.pow2<-7>>
  func.return
}

// -----

// dataflow.channels C1: the beginning of a channel vector
// CHECK: expected channels of the operand from a multiple of 8, got 4 to 12
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @channels(%y: tensor<?x16x4x4xi8, #int8.pow2<-7>>) {
  %a = dataflow.channels %y first 4 : tensor<?x16x4x4xi8, #int8.pow2<-7>> -> tensor<?x8x4x4xi8, #int8.pow2<-7>>
  func.return
}

// -----

// dataflow.channels C1: channels that there are
// CHECK: expected channels of the operand from a multiple of 8, got 8 to 17
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @channels(%y: tensor<?x16x4x4xi8, #int8.pow2<-7>>) {
  %a = dataflow.channels %y first 8 : tensor<?x16x4x4xi8, #int8.pow2<-7>> -> tensor<?x9x4x4xi8, #int8.pow2<-7>>
  func.return
}

// -----

// dataflow.channels C2: the scale of its channels
// CHECK: expected a result with exponents [-6], got [-7]
dataflow.engine filter_vector 2 channel_vector 2 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @channels(%y: tensor<?x3x4x4xi8, #int8.pow2<[-7, -7, -6], axis = 1>>) {
  %a = dataflow.channels %y first 2 : tensor<?x3x4x4xi8, #int8.pow2<[-7, -7, -6], axis = 1>> -> tensor<?x1x4x4xi8, #int8.pow2<-7>>
  func.return
}

// -----

// dataflow.channels C3: a job's
// CHECK: expected channels of what a job computes
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @channels(%x: tensor<?x8x4x4xi8, #int8.pow2<-7>>) {
  %y = dataflow.concat %x, %x : (tensor<?x8x4x4xi8, #int8.pow2<-7>>, tensor<?x8x4x4xi8, #int8.pow2<-7>>) -> tensor<?x16x4x4xi8, #int8.pow2<-7>>
  %a = dataflow.channels %y first 8 : tensor<?x16x4x4xi8, #int8.pow2<-7>> -> tensor<?x8x4x4xi8, #int8.pow2<-7>>
  func.return
}

// -----

// dataflow.job C5: one scale for what a residual joins
// CHECK: expected one scale for the whole tensor, got one per channel
dataflow.engine filter_vector 2 channel_vector 2 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @job(%x: tensor<?x2x4x4xi8, #int8.pow2<-7>>, %r: tensor<?x3x4x4xi8, #int8.pow2<-5>>, %w: tensor<3x2x1x1xi4, #shift.code<0>>, %b: tensor<3xi32, #int8.pow2<-7>>) {
  %y = dataflow.job %x, %w, %b residual %r : tensor<?x3x4x4xi8, #int8.pow2<-5>> multipliers [16777216] : tensor<?x2x4x4xi8, #int8.pow2<-7>>, tensor<3x2x1x1xi4, #shift.code<0>>, tensor<3xi32, #int8.pow2<-7>> -> tensor<?x3x4x4xi8, #int8.pow2<[-5, -5, -4], axis = 1>>
  %a = dataflow.channels %y : tensor<?x3x4x4xi8, #int8.pow2<[-5, -5, -4], axis = 1>> -> tensor<?x2x4x4xi8, #int8.pow2<-5>>
  %c = dataflow.channels %y first 2 : tensor<?x3x4x4xi8, #int8.pow2<[-5, -5, -4], axis = 1>> -> tensor<?x1x4x4xi8, #int8.pow2<-4>>
  func.return
}

// -----

// dataflow.concat C4: operands in as many planes
// CHECK: expected operands in as many planes as each other
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @concat(%q: tensor<?x8x4x4xi8, #int8.pow2<-7>>) {
  %a = dataflow.input %q : tensor<?x8x4x4xi8, #int8.pow2<-7>> -> tensor<?x8x4x4xi8, #int8.pow2<-7>>
  %b = dataflow.input %q planes [2, 2] : tensor<?x8x4x4xi8, #int8.pow2<-7>> -> tensor<?x8x4x4xi8, #int8.pow2<-7>>
  %y = dataflow.concat %a, %b : (tensor<?x8x4x4xi8, #int8.pow2<-7>>, tensor<?x8x4x4xi8, #int8.pow2<-7>>) -> tensor<?x16x4x4xi8, #int8.pow2<-7>>
  func.return
}

// -----

// dataflow.concat C4: planes of rows and of columns
// CHECK: expected planes of rows and of columns, got [2]
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @concat(%q: tensor<?x8x4x4xi8, #int8.pow2<-7>>) {
  %a = dataflow.input %q planes [2] : tensor<?x8x4x4xi8, #int8.pow2<-7>> -> tensor<?x8x4x4xi8, #int8.pow2<-7>>
  %y = dataflow.concat %a : (tensor<?x8x4x4xi8, #int8.pow2<-7>>) -> tensor<?x8x4x4xi8, #int8.pow2<-7>>
  func.return
}

// -----

// dataflow.job C10: a returned result that nothing else uses
// CHECK: expected a returned result in one plane that nothing else uses
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @job(%x: tensor<?x8x4x4xi8, #int8.pow2<-7>>, %w: tensor<8x8x1x1xi4, #shift.code<0>>, %b: tensor<8xi32, #int8.pow2<-7>>) -> tensor<?x8x4x4xi8, #int8.pow2<-7>> {
  %y = dataflow.job %x, %w, %b multipliers [16777216] : tensor<?x8x4x4xi8, #int8.pow2<-7>>, tensor<8x8x1x1xi4, #shift.code<0>>, tensor<8xi32, #int8.pow2<-7>> -> tensor<?x8x4x4xi8, #int8.pow2<-7>>
  %z = dataflow.job %y, %w, %b multipliers [16777216] : tensor<?x8x4x4xi8, #int8.pow2<-7>>, tensor<8x8x1x1xi4, #shift.code<0>>, tensor<8xi32, #int8.pow2<-7>> -> tensor<?x8x4x4xi8, #int8.pow2<-7>>
  func.return %y : tensor<?x8x4x4xi8, #int8.pow2<-7>>
}

// -----

// dataflow.job C10: a returned result in one plane
// CHECK: expected a returned result in one plane that nothing else uses
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @job(%x: tensor<?x8x4x4xi8, #int8.pow2<-7>>, %w: tensor<8x8x1x1xi4, #shift.code<0>>, %b: tensor<8xi32, #int8.pow2<-7>>) -> tensor<?x8x4x4xi8, #int8.pow2<-7>> {
  %y = dataflow.job %x, %w, %b multipliers [16777216] planes [2, 2] : tensor<?x8x4x4xi8, #int8.pow2<-7>>, tensor<8x8x1x1xi4, #shift.code<0>>, tensor<8xi32, #int8.pow2<-7>> -> tensor<?x8x4x4xi8, #int8.pow2<-7>>
  func.return %y : tensor<?x8x4x4xi8, #int8.pow2<-7>>
}

// -----

// dataflow.job C11: what is pooled, row by row
// CHECK: expected what is pooled to be computed row by row
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @job(%x: tensor<?x8x4x4xi8, #int8.pow2<-7>>, %w: tensor<8x8x1x1xi4, #shift.code<0>>, %b: tensor<8xi32, #int8.pow2<-7>>) {
  %y = dataflow.job %x, %w, %b multipliers [16777216] pool [2, 2] pool_strides [2, 2] order [2, 2] : tensor<?x8x4x4xi8, #int8.pow2<-7>>, tensor<8x8x1x1xi4, #shift.code<0>>, tensor<8xi32, #int8.pow2<-7>> -> tensor<?x8x2x2xi8, #int8.pow2<-7>>
  func.return
}

// -----

// dataflow.store C1: the type stays
// CHECK: expected a result tensor<?x8x4x4xi8, #int8.pow2<-7>>, got tensor<?x8x4x4xi8, #int8.pow2<-6>>
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @store(%x: tensor<?x8x4x4xi8, #int8.pow2<-7>>) {
  %y = dataflow.store %x : tensor<?x8x4x4xi8, #int8.pow2<-7>> -> tensor<?x8x4x4xi8, #int8.pow2<-6>>
  func.return
}

// -----

// dataflow.store C2: only loads read the card's memory
// CHECK: expected only `dataflow.load` to read what has been stored
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @store(%x: tensor<?x8x4x4xi8, #int8.pow2<-7>>) {
  %y = dataflow.store %x : tensor<?x8x4x4xi8, #int8.pow2<-7>> -> tensor<?x8x4x4xi8, #int8.pow2<-7>>
  %z = dataflow.concat %y : (tensor<?x8x4x4xi8, #int8.pow2<-7>>) -> tensor<?x8x4x4xi8, #int8.pow2<-7>>
  func.return
}

// -----

// dataflow.load C1: the type stays
// CHECK: expected a result tensor<?x8x4x4xi8, #int8.pow2<-7>>, got tensor<?x8x4x4xi8, #int8.pow2<-6>>
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @load(%x: tensor<?x8x4x4xi8, #int8.pow2<-7>>) {
  %y = dataflow.load %x : tensor<?x8x4x4xi8, #int8.pow2<-7>> -> tensor<?x8x4x4xi8, #int8.pow2<-6>>
  func.return
}

// -----

// dataflow.average C1: more pixels than one
// CHECK: expected more than one pixel to average
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @average(%y: tensor<?x8x1x1xi8, #int8.pow2<-5>>) {
  %m = dataflow.average %y multiplier 1 : tensor<?x8x1x1xi8, #int8.pow2<-5>> -> tensor<?x8x1x1xi8, #int8.pow2<-5>>
  func.return
}

// -----

// dataflow.average C1: a result of one pixel
// CHECK: expected a result of shape ?x8x1x1, got ?x8x2x1
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @average(%y: tensor<?x8x4x4xi8, #int8.pow2<-5>>) {
  %m = dataflow.average %y multiplier 1 : tensor<?x8x4x4xi8, #int8.pow2<-5>> -> tensor<?x8x2x1xi8, #int8.pow2<-5>>
  func.return
}

// -----

// dataflow.average C2: one scale
// CHECK: expected one scale for the whole tensor, got one per channel
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @average(%y: tensor<?x2x4x4xi8, #int8.pow2<[-5, -4], axis = 1>>) {
  %m = dataflow.average %y multiplier 1 : tensor<?x2x4x4xi8, #int8.pow2<[-5, -4], axis = 1>> -> tensor<?x2x1x1xi8, #int8.pow2<-5>>
  func.return
}

// -----

// dataflow.average C3: a multiplier of 31 bits
// CHECK: expected a multiplier below 2147483648, got 2147483648
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @average(%y: tensor<?x8x4x4xi8, #int8.pow2<-5>>) {
  %m = dataflow.average %y multiplier 2147483648 : tensor<?x8x4x4xi8, #int8.pow2<-5>> -> tensor<?x8x1x1xi8, #int8.pow2<-5>>
  func.return
}

// -----

// dataflow.average C4: what a job computes
// CHECK: expected to average what a job computes for nothing else
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @average(%x: tensor<?x8x4x4xi8, #int8.pow2<-5>>) {
  %y = dataflow.concat %x : (tensor<?x8x4x4xi8, #int8.pow2<-5>>) -> tensor<?x8x4x4xi8, #int8.pow2<-5>>
  %m = dataflow.average %y multiplier 1 : tensor<?x8x4x4xi8, #int8.pow2<-5>> -> tensor<?x8x1x1xi8, #int8.pow2<-5>>
  func.return
}

// -----

// dataflow.average C4: for nothing else
// CHECK: expected to average what a job computes for nothing else
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @average(%x: tensor<?x8x4x4xi8, #int8.pow2<-7>>, %w: tensor<8x8x1x1xi4, #shift.code<0>>, %b: tensor<8xi32, #int8.pow2<-7>>) {
  %y = dataflow.job %x, %w, %b multipliers [16777216] : tensor<?x8x4x4xi8, #int8.pow2<-7>>, tensor<8x8x1x1xi4, #shift.code<0>>, tensor<8xi32, #int8.pow2<-7>> -> tensor<?x8x4x4xi8, #int8.pow2<-5>>
  %m = dataflow.average %y multiplier 1 : tensor<?x8x4x4xi8, #int8.pow2<-5>> -> tensor<?x8x1x1xi8, #int8.pow2<-5>>
  %n = dataflow.average %y multiplier 1 : tensor<?x8x4x4xi8, #int8.pow2<-5>> -> tensor<?x8x1x1xi8, #int8.pow2<-5>>
  func.return
}

// -----

// dataflow.job C8: what is averaged, without pooling
// CHECK: expected what is averaged without pooling
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @average(%x: tensor<?x8x4x4xi8, #int8.pow2<-7>>, %w: tensor<8x8x1x1xi4, #shift.code<0>>, %b: tensor<8xi32, #int8.pow2<-7>>) {
  %y = dataflow.job %x, %w, %b multipliers [16777216] pool [2, 2] : tensor<?x8x4x4xi8, #int8.pow2<-7>>, tensor<8x8x1x1xi4, #shift.code<0>>, tensor<8xi32, #int8.pow2<-7>> -> tensor<?x8x3x3xi8, #int8.pow2<-5>>
  %m = dataflow.average %y multiplier 1 : tensor<?x8x3x3xi8, #int8.pow2<-5>> -> tensor<?x8x1x1xi8, #int8.pow2<-5>>
  func.return
}

// -----

// dataflow.job C11: what is averaged, row by row
// CHECK: expected what is pooled to be computed row by row
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @average(%x: tensor<?x8x4x4xi8, #int8.pow2<-7>>, %w: tensor<8x8x1x1xi4, #shift.code<0>>, %b: tensor<8xi32, #int8.pow2<-7>>) {
  %y = dataflow.job %x, %w, %b multipliers [16777216] order [2, 2] : tensor<?x8x4x4xi8, #int8.pow2<-7>>, tensor<8x8x1x1xi4, #shift.code<0>>, tensor<8xi32, #int8.pow2<-7>> -> tensor<?x8x4x4xi8, #int8.pow2<-5>>
  %m = dataflow.average %y multiplier 1 : tensor<?x8x4x4xi8, #int8.pow2<-5>> -> tensor<?x8x1x1xi8, #int8.pow2<-5>>
  func.return
}

// -----

// dataflow.kernel C1: a kernel of the engine
// CHECK: expected a kernel of scheduler, weight_reader, pe, requantizer, window, got writer
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
dataflow.kernel @writer

// -----

// dataflow.connect C1: a channel of the engine
// CHECK: expected a channel that the engine has, got features from pe to scheduler
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
dataflow.kernel @scheduler
dataflow.kernel @pe
dataflow.kernel @requantizer
dataflow.connect @pe to @scheduler by @features depth 512 : vector<14x8xi8>

// -----

// dataflow.connect C1: words of the engine
// CHECK: expected words vector<14x8xi8>, got vector<8x14xi8>
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
dataflow.kernel @scheduler
dataflow.kernel @pe
dataflow.kernel @requantizer
dataflow.connect @scheduler to @pe by @features depth 512 : vector<8x14xi8>

// -----

// dataflow.connect C2: room for what is in flight
// CHECK: expected accumulators to hold at least 512 words, because so many vectors may be in flight and their kernels would wait for each other for ever, got 511
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
dataflow.kernel @scheduler
dataflow.kernel @pe
dataflow.kernel @requantizer
dataflow.connect @pe to @requantizer by @accumulators depth 511 : vector<16x14xi32>

// -----

// dataflow.buffer C1: a buffer of the engine
// CHECK: expected a buffer that the engine has, got kept of pe with 65 words
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
dataflow.kernel @scheduler
dataflow.kernel @pe
dataflow.kernel @requantizer
dataflow.buffer @kept of @pe words 65 : vector<2x16x8xi4>

// -----

// dataflow.buffer C1: words of the engine
// CHECK: expected words vector<2x16x8xi4>, got vector<2x16x8xi8>
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
dataflow.kernel @scheduler
dataflow.kernel @pe
dataflow.kernel @requantizer
dataflow.buffer @kept of @pe words 64 : vector<2x16x8xi8>

// -----

// dataflow.connect C3: as deep as the engine's
// CHECK: expected features to hold 512 words, as the engine's does, got 1
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
dataflow.kernel @scheduler
dataflow.kernel @pe
dataflow.connect @scheduler to @pe by @features depth 1 : vector<14x8xi8>

// -----

// dataflow.job C10: a returned result alone
// CHECK: expected a returned result in one plane that nothing else uses
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @job(%x: tensor<?x8x4x4xi8, #int8.pow2<-7>>, %w: tensor<16x8x1x1xi4, #shift.code<0>>, %b: tensor<16xi32, #int8.pow2<-7>>) -> tensor<?x8x4x4xi8, #int8.pow2<-7>> {
  %y = dataflow.job %x, %w, %b multipliers [16777216] : tensor<?x8x4x4xi8, #int8.pow2<-7>>, tensor<16x8x1x1xi4, #shift.code<0>>, tensor<16xi32, #int8.pow2<-7>> -> tensor<?x16x4x4xi8, #int8.pow2<-7>>
  %a = dataflow.channels %y : tensor<?x16x4x4xi8, #int8.pow2<-7>> -> tensor<?x8x4x4xi8, #int8.pow2<-7>>
  %c = dataflow.channels %y first 8 : tensor<?x16x4x4xi8, #int8.pow2<-7>> -> tensor<?x8x4x4xi8, #int8.pow2<-7>>
  func.return %c : tensor<?x8x4x4xi8, #int8.pow2<-7>>
}

// -----

// dataflow.capability C1: one that the kernels have
// CHECK: expected a capability of groups, maxima, means, raw_results, residuals, two_terms, got softmax
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
dataflow.capability "softmax"

// -----

// dataflow.port C1: a port of the kernel
// CHECK: expected a port that the engine has, got codes of pe that reads
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
dataflow.kernel @pe
dataflow.port "codes" of @pe reads : vector<16x8xi4>

// -----

// dataflow.port C1: what it does
// CHECK: expected a port that the engine has, got codes of weight_reader that reads and writes
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
dataflow.kernel @weight_reader
dataflow.port "codes" of @weight_reader reads writes : vector<16x8xi4>

// -----

// dataflow.port C1: words of the engine
// CHECK: expected words vector<16x8xi4>, got vector<8x8xi4>
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
dataflow.kernel @weight_reader
dataflow.port "codes" of @weight_reader reads : vector<8x8xi4>

// -----

// dataflow.job C12: no more than the engine can do
// CHECK: expected an engine that can do residuals
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
dataflow.capability "groups"
func.func @residual(%x: tensor<?x8x4x4xi8, #int8.pow2<-7>>, %w: tensor<8x8x1x1xi4, #shift.code<0>>, %b: tensor<8xi32, #int8.pow2<-7>>) {
  %i = dataflow.input %x at 0 : tensor<?x8x4x4xi8, #int8.pow2<-7>> -> tensor<?x8x4x4xi8, #int8.pow2<-7>>
  %r = dataflow.job %i, %w, %b multipliers [16777216] at 65536 : tensor<?x8x4x4xi8, #int8.pow2<-7>>, tensor<8x8x1x1xi4, #shift.code<0>>, tensor<8xi32, #int8.pow2<-7>> -> tensor<?x8x4x4xi8, #int8.pow2<-5>>
  %y = dataflow.job %i, %w, %b residual %r : tensor<?x8x4x4xi8, #int8.pow2<-5>> multipliers [16777216] at 64 : tensor<?x8x4x4xi8, #int8.pow2<-7>>, tensor<8x8x1x1xi4, #shift.code<0>>, tensor<8xi32, #int8.pow2<-7>> -> tensor<?x8x4x4xi8, #int8.pow2<-5>>
  func.return
}

// -----

// dataflow.job C13: features and residual operand in different pages
// CHECK: expected features and residual operand in different pages of the feature cache
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @residual(%x: tensor<?x8x4x4xi8, #int8.pow2<-7>>, %w: tensor<8x8x1x1xi4, #shift.code<0>>, %b: tensor<8xi32, #int8.pow2<-7>>) {
  %i = dataflow.input %x at 0 : tensor<?x8x4x4xi8, #int8.pow2<-7>> -> tensor<?x8x4x4xi8, #int8.pow2<-7>>
  %r = dataflow.job %i, %w, %b multipliers [16777216] at 16 : tensor<?x8x4x4xi8, #int8.pow2<-7>>, tensor<8x8x1x1xi4, #shift.code<0>>, tensor<8xi32, #int8.pow2<-7>> -> tensor<?x8x4x4xi8, #int8.pow2<-5>>
  %y = dataflow.job %i, %w, %b residual %r : tensor<?x8x4x4xi8, #int8.pow2<-5>> multipliers [16777216] at 64 : tensor<?x8x4x4xi8, #int8.pow2<-7>>, tensor<8x8x1x1xi4, #shift.code<0>>, tensor<8xi32, #int8.pow2<-7>> -> tensor<?x8x4x4xi8, #int8.pow2<-5>>
  func.return
}

// -----

// dataflow.job C13: not said of what lies in different pages
// CHECK: expected features and residual operand in one page of the feature cache
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512
func.func @residual(%x: tensor<?x8x4x4xi8, #int8.pow2<-7>>, %w: tensor<8x8x1x1xi4, #shift.code<0>>, %b: tensor<8xi32, #int8.pow2<-7>>) {
  %i = dataflow.input %x at 0 : tensor<?x8x4x4xi8, #int8.pow2<-7>> -> tensor<?x8x4x4xi8, #int8.pow2<-7>>
  %r = dataflow.job %i, %w, %b multipliers [16777216] at 65536 : tensor<?x8x4x4xi8, #int8.pow2<-7>>, tensor<8x8x1x1xi4, #shift.code<0>>, tensor<8xi32, #int8.pow2<-7>> -> tensor<?x8x4x4xi8, #int8.pow2<-5>>
  %y = dataflow.job %i, %w, %b residual %r : tensor<?x8x4x4xi8, #int8.pow2<-5>> multipliers [16777216] at 64 shares_page : tensor<?x8x4x4xi8, #int8.pow2<-7>>, tensor<8x8x1x1xi4, #shift.code<0>>, tensor<8xi32, #int8.pow2<-7>> -> tensor<?x8x4x4xi8, #int8.pow2<-5>>
  func.return
}
