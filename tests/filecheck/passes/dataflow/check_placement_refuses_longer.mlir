// RUN: not tf2c-opt %s -p check-placement 2>&1 | filecheck %s

// A tensor that is read later keeps its place.

// CHECK-NOT:  Traceback
// CHECK:      error: layer `dataflow.job`: expected a place apart from that of layer `dataflow.job`, which is still needed, got 16 to 32 beside 16 to 32
// CHECK-NEXT: hint: run `allocate-memory`, which places all tensors
// CHECK-NOT:  {{.}}

dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 64 channel_depth 512 cache_depth 4

func.func @main(%q: tensor<?x8x4x4xi8, #int8.pow2<-7>>, %w: tensor<8x8x1x1xi4, #shift.code<0>>, %b: tensor<8xi32, #int8.pow2<-7>>) -> tensor<?x8x4x4xi8, #int8.pow2<-7>> {
  %x = dataflow.input %q at 0 : tensor<?x8x4x4xi8, #int8.pow2<-7>> -> tensor<?x8x4x4xi8, #int8.pow2<-7>>
  %a = dataflow.job %x, %w, %b multipliers [16777216] at 16 : tensor<?x8x4x4xi8, #int8.pow2<-7>>, tensor<8x8x1x1xi4, #shift.code<0>>, tensor<8xi32, #int8.pow2<-7>> -> tensor<?x8x4x4xi8, #int8.pow2<-7>>
  %c = dataflow.job %a, %w, %b multipliers [16777216] at 32 : tensor<?x8x4x4xi8, #int8.pow2<-7>>, tensor<8x8x1x1xi4, #shift.code<0>>, tensor<8xi32, #int8.pow2<-7>> -> tensor<?x8x4x4xi8, #int8.pow2<-7>>
  %d = dataflow.job %c, %w, %b multipliers [16777216] at 16 : tensor<?x8x4x4xi8, #int8.pow2<-7>>, tensor<8x8x1x1xi4, #shift.code<0>>, tensor<8xi32, #int8.pow2<-7>> -> tensor<?x8x4x4xi8, #int8.pow2<-7>>
  %s = dataflow.job %d, %w, %b residual %a : tensor<?x8x4x4xi8, #int8.pow2<-7>> multipliers [16777216] at 48 shares_page : tensor<?x8x4x4xi8, #int8.pow2<-7>>, tensor<8x8x1x1xi4, #shift.code<0>>, tensor<8xi32, #int8.pow2<-7>> -> tensor<?x8x4x4xi8, #int8.pow2<-7>>
  %r = dataflow.job %s, %w, %b multipliers [16777216] at 0 : tensor<?x8x4x4xi8, #int8.pow2<-7>>, tensor<8x8x1x1xi4, #shift.code<0>>, tensor<8xi32, #int8.pow2<-7>> -> tensor<?x8x4x4xi8, #int8.pow2<-7>>
  func.return %r : tensor<?x8x4x4xi8, #int8.pow2<-7>>
}
