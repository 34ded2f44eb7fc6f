// RUN: python -c "import sys, numpy; numpy.save(sys.argv[1], numpy.random.default_rng(0).normal(size=(16, 2, 6, 6)).astype('f4'))" %t.npy
// RUN: tf2c-opt %s -p 'drop-output-softmax,remove-identities,fold-padding,fold-batch-norm,hoist-activations,fuse-residual-add,insert-identity-convolutions,fuse-activation,choose-scales{images="%t.npy" method="minmax"},convert-graph-to-int8,round-weights-to-pow2{terms=2},prove-accumulators,convert-int8-to-shift,convert-shift-to-dataflow,allocate-memory' --check 2>%t.err | filecheck %s
// RUN: cat %t.err | filecheck %s --check-prefix=CONTRACT

// A network of the newer kind, with weights of two terms: its padding joins a dilated depthwise layer,
// ReLU6 its layer, what is concatenated lies one behind the other, the average over the whole image is
// the result, and the softmax is left to the host.

// CONTRACT:      drop-output-softmax: approximate: {{-?[0-9.]+}} dB SQNR
// CONTRACT-NEXT: remove-identities: exact: 64 elements equal
// CONTRACT-NEXT: fold-padding: exact: 64 elements equal
// CONTRACT-NEXT: fold-batch-norm: equivalent: relative difference
// CONTRACT-NEXT: hoist-activations: exact: 64 elements equal
// CONTRACT-NEXT: fuse-residual-add: equivalent: relative difference
// CONTRACT-NEXT: insert-identity-convolutions: equivalent: relative difference
// CONTRACT-NEXT: fuse-activation: exact: 64 elements equal
// CONTRACT-NEXT: choose-scales: analysis: 64 elements equal
// CONTRACT-NEXT: convert-graph-to-int8: approximate: {{[0-9.]+}} dB SQNR
// CONTRACT-NEXT: round-weights-to-pow2: approximate: {{[0-9.]+}} dB SQNR
// CONTRACT-NEXT: prove-accumulators: analysis: 64 elements equal
// CONTRACT-NEXT: convert-int8-to-shift: exact: 64 elements equal
// CONTRACT-NEXT: convert-shift-to-dataflow: exact: 64 elements equal
// CONTRACT-NEXT: allocate-memory: exact: 64 elements equal

// CHECK-LABEL: func.func @main(%x: tensor<?x2x6x6xf32>) -> tensor<?x16xi32
// CHECK:         dataflow.input {{.*}} at {{[0-9]+}} :
// CHECK:         %[[DEPTHWISE:.*]] = dataflow.job {{.*}} pads [2, 2, 2, 2] dilations [2, 2] group 2 multipliers {{.*}} at [[FIRST:[0-9]+]] : {{.*}}, tensor<8x1x3x3xi8, #shift.code{{.*}} -> tensor<?x8x6x6xi8
// CHECK:         %[[POINTWISE:.*]] = dataflow.job %[[DEPTHWISE]], {{.*}} at {{[0-9]+}} : {{.*}}, tensor<8x8x1x1xi8, #shift.code
// CHECK:         %[[JOINED:.*]] = dataflow.concat %[[DEPTHWISE]], %[[POINTWISE]] :
// CHECK:         %[[MEAN:.*]] = dataflow.job %[[JOINED]], {{.*}} group 16 multipliers [{{[0-9]+}}] bounds [-2147483648, 2147483647] at 0 : {{.*}} -> tensor<?x16x1x1xi32
// CHECK-NEXT:    %[[ROWS:.*]] = layout.reshape %[[MEAN]] :
// CHECK-NEXT:    func.return %[[ROWS]]
func.func @main(%x: tensor<?x2x6x6xf32>) -> tensor<?x16xf32> {
  %w1 = graph.constant <8x1x3x3xf32, [-0.9, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0, -0.1, -0.2, -0.3, -0.4, -0.5, -0.6, -0.7, -0.8, -0.9, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0, -0.1, -0.2, -0.3, -0.4, -0.5, -0.6, -0.7, -0.8, -0.9, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0, -0.1, -0.2, -0.3, -0.4, -0.5, -0.6, -0.7, -0.8, -0.9, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0, -0.1, -0.2, -0.3, -0.4]> : tensor<8x1x3x3xf32>
  %p1 = layout.pad %x low [0, 2, 2] high [0, 2, 2] : (tensor<?x2x6x6xf32>) -> tensor<?x2x10x10xf32>
  %c1 = graph.conv %p1, %w1 dilations [2, 2] group 2 : tensor<?x2x10x10xf32>, tensor<8x1x3x3xf32> -> tensor<?x8x6x6xf32>
  %r1 = graph.clip %c1 {minimum = 0.0 : f32, maximum = 6.0 : f32} : (tensor<?x8x6x6xf32>) -> tensor<?x8x6x6xf32>
  %w2 = graph.constant <8x8x1x1xf32, [-0.8, 0.4, -0.1, -0.6, 0.6, 0.1, -0.4, 0.8, 0.3, -0.2, -0.7, 0.5, 0.0, -0.5, 0.7, 0.2, -0.3, -0.8, 0.4, -0.1, -0.6, 0.6, 0.1, -0.4, 0.8, 0.3, -0.2, -0.7, 0.5, 0.0, -0.5, 0.7, 0.2, -0.3, -0.8, 0.4, -0.1, -0.6, 0.6, 0.1, -0.4, 0.8, 0.3, -0.2, -0.7, 0.5, 0.0, -0.5, 0.7, 0.2, -0.3, -0.8, 0.4, -0.1, -0.6, 0.6, 0.1, -0.4, 0.8, 0.3, -0.2, -0.7, 0.5, 0.0]> : tensor<8x8x1x1xf32>
  %c2 = graph.conv %r1, %w2 : tensor<?x8x6x6xf32>, tensor<8x8x1x1xf32> -> tensor<?x8x6x6xf32>
  %j = layout.concat %r1, %c2 axis 1 : (tensor<?x8x6x6xf32>, tensor<?x8x6x6xf32>) -> tensor<?x16x6x6xf32>
  %a = graph.average_pool %j kernel [6, 6] : (tensor<?x16x6x6xf32>) -> tensor<?x16x1x1xf32>
  %f = layout.reshape %a : (tensor<?x16x1x1xf32>) -> tensor<?x16xf32>
  %y = graph.softmax %f axis 1 : (tensor<?x16xf32>) -> tensor<?x16xf32>
  func.return %y : tensor<?x16xf32>
}
