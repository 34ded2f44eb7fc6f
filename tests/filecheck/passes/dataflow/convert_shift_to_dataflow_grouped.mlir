// RUN: tf2c-opt %s --split-input-file -p convert-shift-to-dataflow | filecheck %s

// Groups, dilations and weights of two terms go to the job as they are.

// A depthwise layer with a residual.
// CHECK:       dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2 weight_depth 1024 channel_depth 512
// CHECK-LABEL: func.func @main(%f: tensor<?x2x4x4xf32>) -> tensor<?x2x4x4xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %x = int8.quantize %f : tensor<?x2x4x4xf32> -> tensor<?x2x4x4xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %x_1 = dataflow.input %x : tensor<?x2x4x4xi8, #int8.pow2<-6>> -> tensor<?x2x4x4xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %w = shift.constant <2x1x2x2xui8, [118, 1, 119, 222, 112, 131, 138, 113]> : tensor<2x1x2x2xi8, #shift.code<-6>>
// CHECK-NEXT:    %b = int8.constant <2xi32, [0, 0]> : tensor<2xi32, #int8.pow2<-12>>
// CHECK-NEXT:    %y = dataflow.job %x_1, %w, %b residual %x_1 : tensor<?x2x4x4xi8, #int8.pow2<-6>> pads [1, 1, 1, 1] dilations [2, 2] group 2 multipliers [16777216] bounds [-64, 96] : tensor<?x2x4x4xi8, #int8.pow2<-6>>, tensor<2x1x2x2xi8, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-12>> -> tensor<?x2x4x4xi8, #int8.pow2<-6>>
// CHECK-NEXT:    func.return %y : tensor<?x2x4x4xi8, #int8.pow2<-6>>
func.func @main(%f: tensor<?x2x4x4xf32>) -> tensor<?x2x4x4xi8, #int8.pow2<-6>> {
  %x = int8.quantize %f : tensor<?x2x4x4xf32> -> tensor<?x2x4x4xi8, #int8.pow2<-6>>
  %w = shift.constant <2x1x2x2xui8, [118, 1, 119, 222, 112, 131, 138, 113]> : tensor<2x1x2x2xi8, #shift.code<-6>>
  %b = int8.constant <2xi32, [0, 0]> : tensor<2xi32, #int8.pow2<-12>>
  %a = shift.conv %x, %w, %b pads [1, 1, 1, 1] dilations [2, 2] group 2 : tensor<?x2x4x4xi8, #int8.pow2<-6>>, tensor<2x1x2x2xi8, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-12>> -> tensor<?x2x4x4xi32, #int8.pow2<-12>>
  %y = int8.requantize %a residual %x : tensor<?x2x4x4xi8, #int8.pow2<-6>> shift [6] bounds [-64, 96] : tensor<?x2x4x4xi32, #int8.pow2<-12>> -> tensor<?x2x4x4xi8, #int8.pow2<-6>>
  func.return %y : tensor<?x2x4x4xi8, #int8.pow2<-6>>
}
