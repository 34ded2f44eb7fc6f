// RUN: tf2c-opt %s | tf2c-opt | filecheck %s
// RUN: tf2c-opt %s --print-op-generic | tf2c-opt | filecheck %s

// Every op round-trips in both formats, before and after it has got its place (`at`).

// CHECK:       dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 1024 channel_depth 512
dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 1024 channel_depth 512

// CHECK-NEXT:  dataflow.kernel @scheduler
// CHECK-NEXT:  dataflow.kernel @pe
// CHECK-NEXT:  dataflow.connect @scheduler to @pe by @features depth 512 : vector<14x8xi8>
// CHECK-NEXT:  dataflow.buffer @kept of @pe words 1024 : vector<2x16x8xi4>
// CHECK-NEXT:  dataflow.port "memory" of @scheduler reads writes : vector<8xi8>
// CHECK-NEXT:  dataflow.capability "residuals"
// CHECK-NEXT:  dataflow.capability "maxima"
// CHECK-NEXT:  dataflow.capability "means"
// CHECK-NEXT:  dataflow.capability "groups"
// CHECK-NEXT:  dataflow.capability "raw_results"
// CHECK-NEXT:  dataflow.capability "two_terms"
dataflow.kernel @scheduler
dataflow.kernel @pe
dataflow.connect @scheduler to @pe by @features depth 512 : vector<14x8xi8>
dataflow.buffer @kept of @pe words 1024 : vector<2x16x8xi4>
dataflow.port "memory" of @scheduler reads writes : vector<8xi8>
dataflow.capability "residuals"
dataflow.capability "maxima"
dataflow.capability "means"
dataflow.capability "groups"
dataflow.capability "raw_results"
dataflow.capability "two_terms"

// CHECK-LABEL: func.func @input
// CHECK-NEXT:    %x = dataflow.input %q : tensor<?x1x8x8xi8, #int8.pow2<-7>> -> tensor<?x1x8x8xi8, #int8.pow2<-7>>
// CHECK-NEXT:    %y = dataflow.input %q at 512 : tensor<?x1x8x8xi8, #int8.pow2<-7>> -> tensor<?x1x8x8xi8, #int8.pow2<-7>>
// CHECK-NEXT:    %p = dataflow.input %q planes [2, 2] at 64 : tensor<?x1x8x8xi8, #int8.pow2<-7>> -> tensor<?x1x8x8xi8, #int8.pow2<-7>>
// CHECK-NEXT:    %m = dataflow.store %x : tensor<?x1x8x8xi8, #int8.pow2<-7>> -> tensor<?x1x8x8xi8, #int8.pow2<-7>>
// CHECK-NEXT:    %l = dataflow.load %m : tensor<?x1x8x8xi8, #int8.pow2<-7>> -> tensor<?x1x8x8xi8, #int8.pow2<-7>>
// CHECK-NEXT:    %n = dataflow.store %y at 64 : tensor<?x1x8x8xi8, #int8.pow2<-7>> -> tensor<?x1x8x8xi8, #int8.pow2<-7>>
// CHECK-NEXT:    %k = dataflow.load %n at 128 : tensor<?x1x8x8xi8, #int8.pow2<-7>> -> tensor<?x1x8x8xi8, #int8.pow2<-7>>
func.func @input(%q: tensor<?x1x8x8xi8, #int8.pow2<-7>>) {
  %x = dataflow.input %q : tensor<?x1x8x8xi8, #int8.pow2<-7>> -> tensor<?x1x8x8xi8, #int8.pow2<-7>>
  %y = dataflow.input %q at 512 : tensor<?x1x8x8xi8, #int8.pow2<-7>> -> tensor<?x1x8x8xi8, #int8.pow2<-7>>
  %p = dataflow.input %q planes [2, 2] at 64 : tensor<?x1x8x8xi8, #int8.pow2<-7>> -> tensor<?x1x8x8xi8, #int8.pow2<-7>>
  %m = dataflow.store %x : tensor<?x1x8x8xi8, #int8.pow2<-7>> -> tensor<?x1x8x8xi8, #int8.pow2<-7>>
  %l = dataflow.load %m : tensor<?x1x8x8xi8, #int8.pow2<-7>> -> tensor<?x1x8x8xi8, #int8.pow2<-7>>
  %n = dataflow.store %y at 64 : tensor<?x1x8x8xi8, #int8.pow2<-7>> -> tensor<?x1x8x8xi8, #int8.pow2<-7>>
  %k = dataflow.load %n at 128 : tensor<?x1x8x8xi8, #int8.pow2<-7>> -> tensor<?x1x8x8xi8, #int8.pow2<-7>>
  func.return
}

// CHECK-LABEL: func.func @job
// CHECK-NEXT:    %raw = dataflow.job %x, %w, %b : tensor<?x1x8x8xi8, #int8.pow2<-7>>, tensor<2x1x3x3xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2x6x6xi32, #int8.pow2<-13>>
// CHECK-NEXT:    %grouped = dataflow.job %i, %g, %b dilations [1, 2] group 2 multipliers [16777216] : tensor<?x4x8x8xi8, #int8.pow2<-7>>, tensor<2x2x3x3xi8, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2x6x4xi8, #int8.pow2<-7>>
// CHECK-NEXT:    %wide = dataflow.job %x, %w, %b multipliers [4194304] bounds [-2147483648, 2147483647] at 64 : tensor<?x1x8x8xi8, #int8.pow2<-7>>, tensor<2x1x3x3xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2x6x6xi32, #int8.pow2<-5>>
// CHECK-NEXT:    %full = dataflow.job %x, %w, %b residual %r : tensor<?x2x4x4xi8, #int8.pow2<-5>> strides [2, 2] pads [1, 1, 1, 1] multipliers [4194304, 8388608] bounds [0, 127] pool [3, 3] pool_strides [2, 2] pool_pads [1, 1, 0, 0] at 1024 : tensor<?x1x8x8xi8, #int8.pow2<-7>>, tensor<2x1x3x3xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2x2x2xi8, #int8.pow2<-5>>
func.func @job(%x: tensor<?x1x8x8xi8, #int8.pow2<-7>>, %w: tensor<2x1x3x3xi4, #shift.code<-6>>, %b: tensor<2xi32, #int8.pow2<-13>>, %r: tensor<?x2x4x4xi8, #int8.pow2<-5>>, %i: tensor<?x4x8x8xi8, #int8.pow2<-7>>, %g: tensor<2x2x3x3xi8, #shift.code<-6>>) {
  %raw = dataflow.job %x, %w, %b : tensor<?x1x8x8xi8, #int8.pow2<-7>>, tensor<2x1x3x3xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2x6x6xi32, #int8.pow2<-13>>
  %grouped = dataflow.job %i, %g, %b dilations [1, 2] group 2 multipliers [16777216] : tensor<?x4x8x8xi8, #int8.pow2<-7>>, tensor<2x2x3x3xi8, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2x6x4xi8, #int8.pow2<-7>>
  %wide = dataflow.job %x, %w, %b multipliers [4194304] bounds [-2147483648, 2147483647] at 64 : tensor<?x1x8x8xi8, #int8.pow2<-7>>, tensor<2x1x3x3xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2x6x6xi32, #int8.pow2<-5>>
  %full = dataflow.job %x, %w, %b residual %r : tensor<?x2x4x4xi8, #int8.pow2<-5>> strides [2, 2] pads [1, 1, 1, 1] multipliers [4194304, 8388608] bounds [0, 127] pool [3, 3] pool_strides [2, 2] pool_pads [1, 1, 0, 0] at 1024 : tensor<?x1x8x8xi8, #int8.pow2<-7>>, tensor<2x1x3x3xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2x2x2xi8, #int8.pow2<-5>>
  func.return
}

// CHECK-LABEL: func.func @concat
// CHECK-NEXT:    %y = dataflow.concat %a, %b : (tensor<?x8x4x4xi8, #int8.pow2<-5>>, tensor<?x2x4x4xi8, #int8.pow2<-5>>) -> tensor<?x10x4x4xi8, #int8.pow2<-5>>
func.func @concat(%a: tensor<?x8x4x4xi8, #int8.pow2<-5>>, %b: tensor<?x2x4x4xi8, #int8.pow2<-5>>) {
  %y = dataflow.concat %a, %b : (tensor<?x8x4x4xi8, #int8.pow2<-5>>, tensor<?x2x4x4xi8, #int8.pow2<-5>>) -> tensor<?x10x4x4xi8, #int8.pow2<-5>>
  func.return
}

// CHECK-LABEL: func.func @channels
// CHECK-NEXT:    %y = dataflow.job %x, %w, %b multipliers [16777216] :
// CHECK-NEXT:    %a = dataflow.channels %y at 64 : tensor<?x12x4x4xi8, #int8.pow2<[-5, -5, -5, -5, -5, -5, -5, -5, -4, -4, -4, -4], axis = 1>> -> tensor<?x8x4x4xi8, #int8.pow2<-5>>
// CHECK-NEXT:    %c = dataflow.channels %y first 8 : tensor<?x12x4x4xi8, #int8.pow2<[-5, -5, -5, -5, -5, -5, -5, -5, -4, -4, -4, -4], axis = 1>> -> tensor<?x4x4x4xi8, #int8.pow2<-4>>
func.func @channels(%x: tensor<?x8x4x4xi8, #int8.pow2<-7>>, %w: tensor<12x8x1x1xi4, #shift.code<0>>, %b: tensor<12xi32, #int8.pow2<-7>>) {
  %y = dataflow.job %x, %w, %b multipliers [16777216] : tensor<?x8x4x4xi8, #int8.pow2<-7>>, tensor<12x8x1x1xi4, #shift.code<0>>, tensor<12xi32, #int8.pow2<-7>> -> tensor<?x12x4x4xi8, #int8.pow2<[-5, -5, -5, -5, -5, -5, -5, -5, -4, -4, -4, -4], axis = 1>>
  %a = dataflow.channels %y at 64 : tensor<?x12x4x4xi8, #int8.pow2<[-5, -5, -5, -5, -5, -5, -5, -5, -4, -4, -4, -4], axis = 1>> -> tensor<?x8x4x4xi8, #int8.pow2<-5>>
  %c = dataflow.channels %y first 8 : tensor<?x12x4x4xi8, #int8.pow2<[-5, -5, -5, -5, -5, -5, -5, -5, -4, -4, -4, -4], axis = 1>> -> tensor<?x4x4x4xi8, #int8.pow2<-4>>
  func.return
}

// CHECK-LABEL: func.func @average
// CHECK-NEXT:    %y = dataflow.job %x, %w, %b multipliers [16777216] :
// CHECK-NEXT:    %m = dataflow.average %y multiplier 67108864 at 64 : tensor<?x8x4x4xi8, #int8.pow2<-5>> -> tensor<?x8x1x1xi8, #int8.pow2<-5>>
// CHECK-NEXT:    %z = dataflow.job %x, %w, %b multipliers [16777216] split 2 :
// CHECK-NEXT:    %s = dataflow.average %z multiplier 1073741824 : tensor<?x8x4x4xi8, #int8.pow2<-5>> -> tensor<?x8x1x1xi32, #int8.pow2<-9>>
func.func @average(%x: tensor<?x8x4x4xi8, #int8.pow2<-7>>, %w: tensor<8x8x1x1xi4, #shift.code<0>>, %b: tensor<8xi32, #int8.pow2<-7>>) {
  %y = dataflow.job %x, %w, %b multipliers [16777216] : tensor<?x8x4x4xi8, #int8.pow2<-7>>, tensor<8x8x1x1xi4, #shift.code<0>>, tensor<8xi32, #int8.pow2<-7>> -> tensor<?x8x4x4xi8, #int8.pow2<-5>>
  %m = dataflow.average %y multiplier 67108864 at 64 : tensor<?x8x4x4xi8, #int8.pow2<-5>> -> tensor<?x8x1x1xi8, #int8.pow2<-5>>
  %z = dataflow.job %x, %w, %b multipliers [16777216] split 2 : tensor<?x8x4x4xi8, #int8.pow2<-7>>, tensor<8x8x1x1xi4, #shift.code<0>>, tensor<8xi32, #int8.pow2<-7>> -> tensor<?x8x4x4xi8, #int8.pow2<-5>>
  %s = dataflow.average %z multiplier 1073741824 : tensor<?x8x4x4xi8, #int8.pow2<-5>> -> tensor<?x8x1x1xi32, #int8.pow2<-9>>
  func.return
}

// CHECK-LABEL: func.func @rest
// CHECK-NEXT:    %y = dataflow.job %x, %w, %b multipliers [16777216] split 2 rest 1 :
func.func @rest(%x: tensor<?x8x4x4xi8, #int8.pow2<-7>>, %w: tensor<48x8x1x1xi4, #shift.code<0>>, %b: tensor<48xi32, #int8.pow2<-7>>) {
  %y = dataflow.job %x, %w, %b multipliers [16777216] split 2 rest 1 : tensor<?x8x4x4xi8, #int8.pow2<-7>>, tensor<48x8x1x1xi4, #shift.code<0>>, tensor<48xi32, #int8.pow2<-7>> -> tensor<?x48x4x4xi8, #int8.pow2<-5>>
  func.return
}
