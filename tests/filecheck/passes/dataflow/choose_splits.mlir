// RUN: tf2c-opt %s -p choose-splits | filecheck %s

// 16 x 8 x 14 lanes, in halves 32 x 8 x 7.

dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 8 channel_depth 512

// 49 pixels: 2 tiles of 4 vectors of 14, or 1 of 7 vectors of 7.
// CHECK: dataflow.job %x, %w, %b multipliers [16777216] split 2 :
func.func @main(%x: tensor<?x32x7x7xi8, #int8.pow2<-7>>, %w: tensor<32x32x1x1xi4, #shift.code<0>>, %b: tensor<32xi32, #int8.pow2<-7>>, %v: tensor<16x32x1x1xi4, #shift.code<0>>, %c: tensor<16xi32, #int8.pow2<-7>>, %u: tensor<48x32x1x1xi4, #shift.code<0>>, %d: tensor<48xi32, #int8.pow2<-7>>) {
  %y = dataflow.job %x, %w, %b multipliers [16777216] : tensor<?x32x7x7xi8, #int8.pow2<-7>>, tensor<32x32x1x1xi4, #shift.code<0>>, tensor<32xi32, #int8.pow2<-7>> -> tensor<?x32x7x7xi8, #int8.pow2<-7>>

  // Too few filters for halves, and a choice made before is made again.
  // CHECK: dataflow.job %x, %v, %c multipliers [16777216] :
  %z = dataflow.job %x, %v, %c multipliers [16777216] split 2 : tensor<?x32x7x7xi8, #int8.pow2<-7>>, tensor<16x32x1x1xi4, #shift.code<0>>, tensor<16xi32, #int8.pow2<-7>> -> tensor<?x16x7x7xi8, #int8.pow2<-7>>

  // 32 filters in halves, and 16 as they are left.
  // CHECK: dataflow.job %x, %u, %d multipliers [16777216] split 2 rest 1 :
  %r = dataflow.job %x, %u, %d multipliers [16777216] : tensor<?x32x7x7xi8, #int8.pow2<-7>>, tensor<48x32x1x1xi4, #shift.code<0>>, tensor<48xi32, #int8.pow2<-7>> -> tensor<?x48x7x7xi8, #int8.pow2<-7>>

  func.return
}
