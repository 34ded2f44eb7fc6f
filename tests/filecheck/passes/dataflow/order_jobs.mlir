// RUN: tf2c-opt %s -p order-jobs | filecheck %s

dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 1 weight_depth 64 channel_depth 512

// Of two jobs that could follow %a, %c has waited longer; %d needs both.
// CHECK-LABEL: func.func @branches
// CHECK:         %a = dataflow.job %x
// CHECK-NEXT:    %c = dataflow.job %x
// CHECK-NEXT:    %b = dataflow.job %a
// CHECK-NEXT:    %d = dataflow.concat %b, %c
// CHECK-NEXT:    func.return %d
func.func @branches(%x: tensor<?x8x4x4xi8, #int8.pow2<-7>>, %w: tensor<8x8x1x1xi4, #shift.code<0>>, %v: tensor<8xi32, #int8.pow2<-7>>) -> tensor<?x16x4x4xi8, #int8.pow2<-7>> {
  %a = dataflow.job %x, %w, %v multipliers [16777216] : tensor<?x8x4x4xi8, #int8.pow2<-7>>, tensor<8x8x1x1xi4, #shift.code<0>>, tensor<8xi32, #int8.pow2<-7>> -> tensor<?x8x4x4xi8, #int8.pow2<-7>>
  %b = dataflow.job %a, %w, %v multipliers [16777216] : tensor<?x8x4x4xi8, #int8.pow2<-7>>, tensor<8x8x1x1xi4, #shift.code<0>>, tensor<8xi32, #int8.pow2<-7>> -> tensor<?x8x4x4xi8, #int8.pow2<-7>>
  %c = dataflow.job %x, %w, %v multipliers [16777216] : tensor<?x8x4x4xi8, #int8.pow2<-7>>, tensor<8x8x1x1xi4, #shift.code<0>>, tensor<8xi32, #int8.pow2<-7>> -> tensor<?x8x4x4xi8, #int8.pow2<-7>>
  %d = dataflow.concat %b, %c : (tensor<?x8x4x4xi8, #int8.pow2<-7>>, tensor<?x8x4x4xi8, #int8.pow2<-7>>) -> tensor<?x16x4x4xi8, #int8.pow2<-7>>
  func.return %d : tensor<?x16x4x4xi8, #int8.pow2<-7>>
}
