// RUN: tf2c-opt %s -p remove-lrn | filecheck %s

// What would be normalized goes through, also to several uses.
// CHECK-LABEL: func.func @main(%x: tensor<?x4x2x2xf32>) -> (tensor<?x4x2x2xf32>, tensor<?x4x2x2xf32>)
// CHECK-NEXT:    %y = graph.relu %x : (tensor<?x4x2x2xf32>) -> tensor<?x4x2x2xf32>
// CHECK-NEXT:    func.return %x, %y : tensor<?x4x2x2xf32>, tensor<?x4x2x2xf32>
func.func @main(%x: tensor<?x4x2x2xf32>) -> (tensor<?x4x2x2xf32>, tensor<?x4x2x2xf32>) {
  %n = graph.lrn %x size 5 {alpha = 0.5 : f32, beta = 0.75 : f32, bias = 1.0 : f32} : (tensor<?x4x2x2xf32>) -> tensor<?x4x2x2xf32>
  %m = graph.lrn %n size 3 {alpha = 0.5 : f32, beta = 0.75 : f32, bias = 1.0 : f32} : (tensor<?x4x2x2xf32>) -> tensor<?x4x2x2xf32>
  %y = graph.relu %m : (tensor<?x4x2x2xf32>) -> tensor<?x4x2x2xf32>
  func.return %n, %y : tensor<?x4x2x2xf32>, tensor<?x4x2x2xf32>
}
