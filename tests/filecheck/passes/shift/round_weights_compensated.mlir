// RUN: python -c "import sys, numpy; t = numpy.arange(64) / 64; numpy.save(sys.argv[1], numpy.stack([t, t], 1).reshape(64, 2, 1, 1).astype('f4'))" %t.npy
// RUN: tf2c-opt %s -p 'choose-scales{images="%t.npy"},convert-graph-to-int8,round-weights-compensated{images="%t.npy"}' | filecheck %s
// RUN: tf2c-opt %s -p 'choose-scales{images="%t.npy"},convert-graph-to-int8,round-weights-compensated{images="%t.npy" multiplier_bits=1}' | filecheck %s --check-prefix=PURE

// Both inputs are always the same, so that only the sum of their weights counts. Each by itself,
// 0.9 and 0.7 would be rounded to 1 and 0.5, which is 0.1 less. With a multiplier both are 64 steps
// of 0.0127, 13 / 8 times 2**-7. Without, no two powers of two come closer to 1.6 than 1.5.
// CHECK-LABEL: func.func @main
// CHECK:         int8.constant <1x2x1x1xi8, [64, 64]> from <1x2x1x1xf32, [0.9, 0.7]> : tensor<1x2x1x1xi8, #int8.pow2<[-7], axis = 0>>
// CHECK:         int8.requantize %2 multiplier [13] shift [11]
// PURE:          int8.constant <1x2x1x1xi8, [64, 32]> from <1x2x1x1xf32, [0.9, 0.7]> : tensor<1x2x1x1xi8, #int8.pow2<[-6], axis = 0>>
// PURE:          int8.requantize %2 shift [7]
func.func @main(%x: tensor<?x2x1x1xf32>) -> tensor<?x1x1x1xf32> {
  %w = graph.constant <1x2x1x1xf32, [0.9, 0.7]> : tensor<1x2x1x1xf32>
  %y = graph.conv %x, %w then relu : tensor<?x2x1x1xf32>, tensor<1x2x1x1xf32> -> tensor<?x1x1x1xf32>
  func.return %y : tensor<?x1x1x1xf32>
}
