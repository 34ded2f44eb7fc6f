// Kernels of the tests: the engine's scalar arithmetic, whose text stands in front of this one, on
// arrays of operands. Each is one loop in one work item, as the engine's own kernels are.

// All products of operands and one-term codes, those of negative ones less by one.
__attribute__((max_global_work_dim(0)))
kernel void multiply_by_one_term(global const char *restrict operands, int operand_count,
                                 global const uchar *restrict codes, int code_count,
                                 global int *restrict results) {
  for (int i = 0; i < operand_count; i++)
    for (int j = 0; j < code_count; j++)
      results[i * code_count + j] = shift_complement(operands[i], codes[j]);
}

// Each byte of weights as the codes of many lanes.
__attribute__((max_global_work_dim(0)))
kernel void read_codes(global const uchar *restrict bytes, int byte_count, int lane_count,
                       global int *restrict results) {
  for (int i = 0; i < byte_count; i++)
    for (int lane = 0; lane < lane_count; lane++)
      results[i * lane_count + lane] = code_of_lane(bytes[i], lane);
}

// The same of operands and bytes of two terms, each byte taken apart as those of two lanes are.
__attribute__((max_global_work_dim(0)))
kernel void multiply_by_two_terms(global const char *restrict operands, int operand_count,
                                  global const uchar *restrict codes, int code_count,
                                  global int *restrict results) {
  for (int i = 0; i < operand_count; i++)
    for (int j = 0; j < code_count; j++)
      results[i * code_count + j] = shift_complement(operands[i], code_of_lane(codes[j], 0))
                                  + shift_complement(operands[i], code_of_lane(codes[j], 1));
}

// Rows of accumulators, each row with a multiplier, a residual and its shift, and one pair of bounds.
__attribute__((max_global_work_dim(0)))
kernel void requantize_rows(global const int *restrict accumulators, int row_count, int column_count,
                            global const int *restrict multipliers,
                            global const char *restrict residuals,
                            global const int *restrict residual_shifts,
                            int lower, int upper, global int *restrict results) {
  for (int row = 0; row < row_count; row++)
    for (int column = 0; column < column_count; column++) {
      int element = row * column_count + column;
      results[element] = requantize(accumulators[element], multipliers[row], residuals[row],
                                    residual_shifts[row], lower, upper);
    }
}

// How often the result falls from one accumulator to the next.
__attribute__((max_global_work_dim(0)))
kernel void count_falls(int first, int last, int multiplier, int residual, int residual_shift,
                        int lower, int upper, global int *restrict results) {
  int before = lower;
  int falls = 0;
  for (long accumulator = first; accumulator <= last; accumulator++) {
    int stored = requantize((int)accumulator, multiplier, (char)residual, residual_shift, lower, upper);
    falls += stored < before;
    before = stored;
  }
  results[0] = falls;
}
