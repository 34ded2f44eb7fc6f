// RUN: tf2c-opt %s --split-input-file -p fuse-branches | filecheck %s

// What is returned is not fused, so both results pass through the card's memory. Two filters whose result is read at once,
// and one that ends within a channel vector.

dataflow.engine filter_vector 4 channel_vector 2 pixel_vector 4 largest_split 1 weight_depth 64 channel_depth 16

// CHECK-LABEL: func.func @branches
// CHECK:         shift.constant <3x2x1x1xui8, [3, 4, 5, 6, 1, 2]> : tensor<3x2x1x1xi4, #shift.code<[0, 0, 1], axis = 0>>
// CHECK-NEXT:    int8.constant <3xi32, [20, 30, 10]> : tensor<3xi32, #int8.pow2<[-7, -7, -6], axis = 0>>
// CHECK-NEXT:    %2 = dataflow.job %x, %0, %1 multipliers [4194304, 8388608, 16777216] bounds [0, 127] :
// CHECK-SAME:      -> tensor<?x3x2x2xi8, #int8.pow2<[-5, -5, -6], axis = 1>>
// CHECK-NEXT:    %z = dataflow.channels %2 :
// CHECK-NEXT:    %y = dataflow.channels %2 first 2 :
// CHECK-NEXT:    %zs = dataflow.store %z :
func.func @branches(%x: tensor<?x2x2x2xi8, #int8.pow2<-7>>) -> (tensor<?x2x2x2xi8, #int8.pow2<-5>>, tensor<?x1x2x2xi8, #int8.pow2<-6>>) {
  %w = shift.constant <1x2x1x1xui8, [1, 2]> : tensor<1x2x1x1xi4, #shift.code<1>>
  %b = int8.constant <1xi32, [10]> : tensor<1xi32, #int8.pow2<-6>>
  %y = dataflow.job %x, %w, %b multipliers [16777216] bounds [0, 127] : tensor<?x2x2x2xi8, #int8.pow2<-7>>, tensor<1x2x1x1xi4, #shift.code<1>>, tensor<1xi32, #int8.pow2<-6>> -> tensor<?x1x2x2xi8, #int8.pow2<-6>>
  %v = shift.constant <2x2x1x1xui8, [3, 4, 5, 6]> : tensor<2x2x1x1xi4, #shift.code<0>>
  %c = int8.constant <2xi32, [20, 30]> : tensor<2xi32, #int8.pow2<-7>>
  %z = dataflow.job %x, %v, %c multipliers [4194304, 8388608] bounds [0, 127] : tensor<?x2x2x2xi8, #int8.pow2<-7>>, tensor<2x2x1x1xi4, #shift.code<0>>, tensor<2xi32, #int8.pow2<-7>> -> tensor<?x2x2x2xi8, #int8.pow2<-5>>
  %zs = dataflow.store %z : tensor<?x2x2x2xi8, #int8.pow2<-5>> -> tensor<?x2x2x2xi8, #int8.pow2<-5>>
  %zl = dataflow.load %zs : tensor<?x2x2x2xi8, #int8.pow2<-5>> -> tensor<?x2x2x2xi8, #int8.pow2<-5>>
  %ys = dataflow.store %y : tensor<?x1x2x2xi8, #int8.pow2<-6>> -> tensor<?x1x2x2xi8, #int8.pow2<-6>>
  %yl = dataflow.load %ys : tensor<?x1x2x2xi8, #int8.pow2<-6>> -> tensor<?x1x2x2xi8, #int8.pow2<-6>>
  func.return %zl, %yl : tensor<?x2x2x2xi8, #int8.pow2<-5>>, tensor<?x1x2x2xi8, #int8.pow2<-6>>
}

// -----

// Other bounds, and a window of two pixels.

dataflow.engine filter_vector 4 channel_vector 2 pixel_vector 4 largest_split 1 weight_depth 64 channel_depth 16

// CHECK-LABEL: func.func @different
// CHECK-NOT:     dataflow.channels
func.func @different(%x: tensor<?x2x2x2xi8, #int8.pow2<-7>>) -> (tensor<?x2x2x2xi8, #int8.pow2<-5>>, tensor<?x2x2x2xi8, #int8.pow2<-5>>, tensor<?x2x2x1xi8, #int8.pow2<-5>>) {
  %v = shift.constant <2x2x1x1xui8, [3, 4, 5, 6]> : tensor<2x2x1x1xi4, #shift.code<0>>
  %u = shift.constant <2x2x1x2xui8, [3, 4, 5, 6, 1, 2, 3, 4]> : tensor<2x2x1x2xi4, #shift.code<0>>
  %c = int8.constant <2xi32, [20, 30]> : tensor<2xi32, #int8.pow2<-7>>
  %y = dataflow.job %x, %v, %c multipliers [4194304] bounds [0, 127] : tensor<?x2x2x2xi8, #int8.pow2<-7>>, tensor<2x2x1x1xi4, #shift.code<0>>, tensor<2xi32, #int8.pow2<-7>> -> tensor<?x2x2x2xi8, #int8.pow2<-5>>
  %z = dataflow.job %x, %v, %c multipliers [4194304] : tensor<?x2x2x2xi8, #int8.pow2<-7>>, tensor<2x2x1x1xi4, #shift.code<0>>, tensor<2xi32, #int8.pow2<-7>> -> tensor<?x2x2x2xi8, #int8.pow2<-5>>
  %t = dataflow.job %x, %u, %c multipliers [4194304] bounds [0, 127] : tensor<?x2x2x2xi8, #int8.pow2<-7>>, tensor<2x2x1x2xi4, #shift.code<0>>, tensor<2xi32, #int8.pow2<-7>> -> tensor<?x2x2x1xi8, #int8.pow2<-5>>
  func.return %y, %z, %t : tensor<?x2x2x2xi8, #int8.pow2<-5>>, tensor<?x2x2x2xi8, #int8.pow2<-5>>, tensor<?x2x2x1xi8, #int8.pow2<-5>>
}
