// RUN: tf2c-opt %s --split-input-file -p allocate-memory | filecheck %s

// Channels are padded to whole vectors of 8. The input takes 4 * 4 = 16 cells, each job's output 2 * 4 * 4
// = 32; the largest lie in front. What is returned goes to the output memory, which starts at 0 as well.
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 1024 channel_depth 512
// CHECK:       dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 1024 channel_depth 512
// CHECK-LABEL: func.func @main(%f: tensor<?x1x4x4xf32>, %w: tensor<9x1x1x1xi4, #shift.code<-6>>, %b: tensor<9xi32, #int8.pow2<-12>>, %v: tensor<2x9x4x4xi4, #shift.code<-6>>, %c: tensor<2xi32, #int8.pow2<-10>>) -> tensor<?x2x1x1xi32, #int8.pow2<-10>>
// CHECK-NEXT:    %q = int8.quantize %f : tensor<?x1x4x4xf32> -> tensor<?x1x4x4xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %x = dataflow.input %q at 64 : tensor<?x1x4x4xi8, #int8.pow2<-6>> -> tensor<?x1x4x4xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %s = dataflow.job %x, %w, %b multipliers [4194304] bounds [0, 127] at 0 : tensor<?x1x4x4xi8, #int8.pow2<-6>>, tensor<9x1x1x1xi4, #shift.code<-6>>, tensor<9xi32, #int8.pow2<-12>> -> tensor<?x9x4x4xi8, #int8.pow2<-4>>
// CHECK-NEXT:    %t = dataflow.job %x, %w, %b multipliers [4194304] bounds [0, 127] at 32 : tensor<?x1x4x4xi8, #int8.pow2<-6>>, tensor<9x1x1x1xi4, #shift.code<-6>>, tensor<9xi32, #int8.pow2<-12>> -> tensor<?x9x4x4xi8, #int8.pow2<-4>>
// CHECK-NEXT:    %y = dataflow.job %s, %v, %c at 0 : tensor<?x9x4x4xi8, #int8.pow2<-4>>, tensor<2x9x4x4xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-10>> -> tensor<?x2x1x1xi32, #int8.pow2<-10>>
// CHECK-NEXT:    func.return %y : tensor<?x2x1x1xi32, #int8.pow2<-10>>
func.func @main(%f: tensor<?x1x4x4xf32>, %w: tensor<9x1x1x1xi4, #shift.code<-6>>, %b: tensor<9xi32, #int8.pow2<-12>>, %v: tensor<2x9x4x4xi4, #shift.code<-6>>, %c: tensor<2xi32, #int8.pow2<-10>>) -> tensor<?x2x1x1xi32, #int8.pow2<-10>> {
  %q = int8.quantize %f : tensor<?x1x4x4xf32> -> tensor<?x1x4x4xi8, #int8.pow2<-6>>
  %x = dataflow.input %q : tensor<?x1x4x4xi8, #int8.pow2<-6>> -> tensor<?x1x4x4xi8, #int8.pow2<-6>>
  %s = dataflow.job %x, %w, %b multipliers [4194304] bounds [0, 127] : tensor<?x1x4x4xi8, #int8.pow2<-6>>, tensor<9x1x1x1xi4, #shift.code<-6>>, tensor<9xi32, #int8.pow2<-12>> -> tensor<?x9x4x4xi8, #int8.pow2<-4>>
  %t = dataflow.job %x, %w, %b multipliers [4194304] bounds [0, 127] : tensor<?x1x4x4xi8, #int8.pow2<-6>>, tensor<9x1x1x1xi4, #shift.code<-6>>, tensor<9xi32, #int8.pow2<-12>> -> tensor<?x9x4x4xi8, #int8.pow2<-4>>
  %y = dataflow.job %s, %v, %c : tensor<?x9x4x4xi8, #int8.pow2<-4>>, tensor<2x9x4x4xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-10>> -> tensor<?x2x1x1xi32, #int8.pow2<-10>>
  func.return %y : tensor<?x2x1x1xi32, #int8.pow2<-10>>
}

// -----

// A reshape moves nothing, so it needs no place.
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 1024 channel_depth 512
// CHECK:       dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 1024 channel_depth 512
// CHECK-LABEL: func.func @main(%f: tensor<?x1x4x4xf32>) -> tensor<?x16xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %q = int8.quantize %f : tensor<?x1x4x4xf32> -> tensor<?x1x4x4xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %y = layout.reshape %q : (tensor<?x1x4x4xi8, #int8.pow2<-6>>) -> tensor<?x16xi8, #int8.pow2<-6>>
// CHECK-NEXT:    func.return %y : tensor<?x16xi8, #int8.pow2<-6>>
func.func @main(%f: tensor<?x1x4x4xf32>) -> tensor<?x16xi8, #int8.pow2<-6>> {
  %q = int8.quantize %f : tensor<?x1x4x4xf32> -> tensor<?x1x4x4xi8, #int8.pow2<-6>>
  %y = layout.reshape %q : (tensor<?x1x4x4xi8, #int8.pow2<-6>>) -> tensor<?x16xi8, #int8.pow2<-6>>
  func.return %y : tensor<?x16xi8, #int8.pow2<-6>>
}

// -----

// What is concatenated has one place, in the order of the operands, whichever comes first: here the job
// behind the input, and a concatenation in a concatenation. What is in none follows them; a wide result
// is in the output memory, where a raw one would be.
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 1024 channel_depth 512
// CHECK:       dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 1024 channel_depth 512
// CHECK-LABEL: func.func @main(%f: tensor<?x8x2x2xf32>, %w: tensor<8x1x1x1xi4, #shift.code<-6>>, %b: tensor<8xi32, #int8.pow2<-12>>, %v: tensor<2x24x2x2xi4, #shift.code<-6>>, %c: tensor<2xi32, #int8.pow2<-12>>) -> tensor<?x2x1x1xi32, #int8.pow2<-9>>
// CHECK-NEXT:    %q = int8.quantize %f : tensor<?x8x2x2xf32> -> tensor<?x8x2x2xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %x = dataflow.input %q at 8 : tensor<?x8x2x2xi8, #int8.pow2<-6>> -> tensor<?x8x2x2xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %alone = dataflow.job %x, %w, %b group 8 multipliers [16777216] at 12 : tensor<?x8x2x2xi8, #int8.pow2<-6>>, tensor<8x1x1x1xi4, #shift.code<-6>>, tensor<8xi32, #int8.pow2<-12>> -> tensor<?x8x2x2xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %second = dataflow.job %alone, %w, %b group 8 multipliers [16777216] at 4 : tensor<?x8x2x2xi8, #int8.pow2<-6>>, tensor<8x1x1x1xi4, #shift.code<-6>>, tensor<8xi32, #int8.pow2<-12>> -> tensor<?x8x2x2xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %first = dataflow.job %second, %w, %b group 8 multipliers [16777216] at 0 : tensor<?x8x2x2xi8, #int8.pow2<-6>>, tensor<8x1x1x1xi4, #shift.code<-6>>, tensor<8xi32, #int8.pow2<-12>> -> tensor<?x8x2x2xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %inner = dataflow.concat %second, %x : (tensor<?x8x2x2xi8, #int8.pow2<-6>>, tensor<?x8x2x2xi8, #int8.pow2<-6>>) -> tensor<?x16x2x2xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %outer = dataflow.concat %first, %inner : (tensor<?x8x2x2xi8, #int8.pow2<-6>>, tensor<?x16x2x2xi8, #int8.pow2<-6>>) -> tensor<?x24x2x2xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %y = dataflow.job %outer, %v, %c multipliers [4194304] bounds [-2147483648, 2147483647] at 0 : tensor<?x24x2x2xi8, #int8.pow2<-6>>, tensor<2x24x2x2xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-12>> -> tensor<?x2x1x1xi32, #int8.pow2<-9>>
// CHECK-NEXT:    func.return %y : tensor<?x2x1x1xi32, #int8.pow2<-9>>
func.func @main(%f: tensor<?x8x2x2xf32>, %w: tensor<8x1x1x1xi4, #shift.code<-6>>, %b: tensor<8xi32, #int8.pow2<-12>>, %v: tensor<2x24x2x2xi4, #shift.code<-6>>, %c: tensor<2xi32, #int8.pow2<-12>>) -> tensor<?x2x1x1xi32, #int8.pow2<-9>> {
  %q = int8.quantize %f : tensor<?x8x2x2xf32> -> tensor<?x8x2x2xi8, #int8.pow2<-6>>
  %x = dataflow.input %q : tensor<?x8x2x2xi8, #int8.pow2<-6>> -> tensor<?x8x2x2xi8, #int8.pow2<-6>>
  %alone = dataflow.job %x, %w, %b group 8 multipliers [16777216] : tensor<?x8x2x2xi8, #int8.pow2<-6>>, tensor<8x1x1x1xi4, #shift.code<-6>>, tensor<8xi32, #int8.pow2<-12>> -> tensor<?x8x2x2xi8, #int8.pow2<-6>>
  %second = dataflow.job %alone, %w, %b group 8 multipliers [16777216] : tensor<?x8x2x2xi8, #int8.pow2<-6>>, tensor<8x1x1x1xi4, #shift.code<-6>>, tensor<8xi32, #int8.pow2<-12>> -> tensor<?x8x2x2xi8, #int8.pow2<-6>>
  %first = dataflow.job %second, %w, %b group 8 multipliers [16777216] : tensor<?x8x2x2xi8, #int8.pow2<-6>>, tensor<8x1x1x1xi4, #shift.code<-6>>, tensor<8xi32, #int8.pow2<-12>> -> tensor<?x8x2x2xi8, #int8.pow2<-6>>
  %inner = dataflow.concat %second, %x : (tensor<?x8x2x2xi8, #int8.pow2<-6>>, tensor<?x8x2x2xi8, #int8.pow2<-6>>) -> tensor<?x16x2x2xi8, #int8.pow2<-6>>
  %outer = dataflow.concat %first, %inner : (tensor<?x8x2x2xi8, #int8.pow2<-6>>, tensor<?x16x2x2xi8, #int8.pow2<-6>>) -> tensor<?x24x2x2xi8, #int8.pow2<-6>>
  %y = dataflow.job %outer, %v, %c multipliers [4194304] bounds [-2147483648, 2147483647] : tensor<?x24x2x2xi8, #int8.pow2<-6>>, tensor<2x24x2x2xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-12>> -> tensor<?x2x1x1xi32, #int8.pow2<-9>>
  func.return %y : tensor<?x2x1x1xi32, #int8.pow2<-9>>
}

// -----

// The cache holds 4 * 9 = 36 cells, and a tensor takes 16. %z is there for the sum, and is not read for
// the longest time: it makes room for the jobs between, and the sum takes its place when it is back.
dataflow.engine filter_vector 8 channel_vector 8 pixel_vector 4 largest_split 1 weight_depth 64 channel_depth 512 cache_depth 9
// CHECK-LABEL: func.func @spilled
// CHECK:         %x = dataflow.input %q at
// CHECK-NEXT:    %z = dataflow.job %x, %w, %b multipliers [16777216] at
// CHECK-NEXT:    %a = dataflow.job %z, %w, %b multipliers [16777216] at [[A:[0-9]+]] :
// CHECK-NEXT:    %[[FAR:.*]] = dataflow.store %z at 16 :
// CHECK-NEXT:    %c = dataflow.job %a, %w, %b multipliers [16777216] at
// CHECK-NEXT:    %[[NEAR:.*]] = dataflow.load %[[FAR]] at [[PLACE:[0-9]+]] :
// CHECK-NEXT:    %d = dataflow.job %c, %w, %b residual %[[NEAR]] : tensor<?x8x4x4xi8, #int8.pow2<-7>> multipliers [16777216] at [[PLACE]] :
// CHECK-NEXT:    %e = dataflow.job %d, %w, %b multipliers [16777216] at 0 :
func.func @spilled(%q: tensor<?x8x4x4xi8, #int8.pow2<-7>>, %w: tensor<8x8x1x1xi4, #shift.code<0>>, %b: tensor<8xi32, #int8.pow2<-7>>) -> tensor<?x8x4x4xi8, #int8.pow2<-7>> {
  %x = dataflow.input %q : tensor<?x8x4x4xi8, #int8.pow2<-7>> -> tensor<?x8x4x4xi8, #int8.pow2<-7>>
  %z = dataflow.job %x, %w, %b multipliers [16777216] : tensor<?x8x4x4xi8, #int8.pow2<-7>>, tensor<8x8x1x1xi4, #shift.code<0>>, tensor<8xi32, #int8.pow2<-7>> -> tensor<?x8x4x4xi8, #int8.pow2<-7>>
  %a = dataflow.job %z, %w, %b multipliers [16777216] : tensor<?x8x4x4xi8, #int8.pow2<-7>>, tensor<8x8x1x1xi4, #shift.code<0>>, tensor<8xi32, #int8.pow2<-7>> -> tensor<?x8x4x4xi8, #int8.pow2<-7>>
  %c = dataflow.job %a, %w, %b multipliers [16777216] : tensor<?x8x4x4xi8, #int8.pow2<-7>>, tensor<8x8x1x1xi4, #shift.code<0>>, tensor<8xi32, #int8.pow2<-7>> -> tensor<?x8x4x4xi8, #int8.pow2<-7>>
  %d = dataflow.job %c, %w, %b residual %z : tensor<?x8x4x4xi8, #int8.pow2<-7>> multipliers [16777216] : tensor<?x8x4x4xi8, #int8.pow2<-7>>, tensor<8x8x1x1xi4, #shift.code<0>>, tensor<8xi32, #int8.pow2<-7>> -> tensor<?x8x4x4xi8, #int8.pow2<-7>>
  %e = dataflow.job %d, %w, %b multipliers [16777216] : tensor<?x8x4x4xi8, #int8.pow2<-7>>, tensor<8x8x1x1xi4, #shift.code<0>>, tensor<8xi32, #int8.pow2<-7>> -> tensor<?x8x4x4xi8, #int8.pow2<-7>>
  func.return %e : tensor<?x8x4x4xi8, #int8.pow2<-7>>
}
