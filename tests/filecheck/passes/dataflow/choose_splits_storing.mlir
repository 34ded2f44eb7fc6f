// RUN: tf2c-opt %s -p choose-splits | filecheck %s

// In halves, a vector has 4 channel vectors to store, and one to read.

dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 8 channel_depth 512

// CHECK: dataflow.job %x, %w, %b multipliers [16777216] :
func.func @main(%x: tensor<?x8x7x7xi8, #int8.pow2<-7>>, %w: tensor<32x8x1x1xi4, #shift.code<0>>, %b: tensor<32xi32, #int8.pow2<-7>>) {
  %y = dataflow.job %x, %w, %b multipliers [16777216] : tensor<?x8x7x7xi8, #int8.pow2<-7>>, tensor<32x8x1x1xi4, #shift.code<0>>, tensor<32xi32, #int8.pow2<-7>> -> tensor<?x32x7x7xi8, #int8.pow2<-7>>
  func.return
}
