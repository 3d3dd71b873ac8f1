/* The C interface, from a plain C program: `test_c_api <program> <folder>`. The program is the one that
 * test_saved_program writes. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pydl/c_api.h"

static int failures = 0;

#define CHECK(condition)                                                                        \
  do {                                                                                          \
    if (!(condition)) {                                                                         \
      printf("%s:%d: %s; last error: %s\n", __FILE__, __LINE__, #condition, pydl_last_error()); \
      ++failures;                                                                               \
    }                                                                                           \
  } while (0)

static void check_description(const pydl_program* program) {
  size_t inputs = 0;
  size_t outputs = 0;
  pydl_tensor_info info;
  CHECK(pydl_function_count(program) == 2);
  CHECK(strcmp(pydl_function_name(program, 1), "train") == 0);
  CHECK(pydl_function_name(program, 2) == NULL);
  CHECK(pydl_counts(program, "train", &inputs, &outputs) == PYDL_OK);
  CHECK(inputs == 2 && outputs == 1);
  CHECK(pydl_input(program, NULL, 0, &info) == PYDL_OK);
  CHECK(strcmp(info.name, "x") == 0 && info.dtype == PYDL_FLOAT32);
  CHECK(info.rank == 2 && info.shape[0] == -1 && info.shape[1] == 4);
  CHECK(pydl_output(program, NULL, 0, &info) == PYDL_OK);
  CHECK(strcmp(info.name, "probabilities") == 0 && info.shape[1] == 3);
  CHECK(pydl_input(program, NULL, 1, &info) == PYDL_ERROR_INDEX);
  CHECK(pydl_class_count(program) == 3 && strcmp(pydl_class_name(program, 1), "green") == 0);
}

static void check_runs(pydl_program* program) {
  float x[8] = {0.1F, -0.2F, 0.3F, 0.4F, 1, 2, 3, 4};
  float memory[6];
  pydl_tensor input = {x, PYDL_FLOAT32, 2, {2, 4}};
  pydl_tensor output = {0};
  pydl_tensor own = {memory, PYDL_FLOAT32, 2, {2, 3}};
  CHECK(pydl_run(program, "predict", &input, 1, &output, 1) == PYDL_OK);
  CHECK(output.dtype == PYDL_FLOAT32 && output.rank == 2 && output.shape[0] == 2 && output.shape[1] == 3);
  const float* p = output.data;
  CHECK(fabsf(p[0] + p[1] + p[2] - 1) < 1e-5F);
  CHECK(pydl_run(program, NULL, &input, 1, &own, 1) == PYDL_OK);
  CHECK(memcmp(memory, output.data, sizeof memory) == 0);
  pydl_tensor_clear(&output);
  CHECK(output.data == NULL);
  own.shape[0] = 1;
  CHECK(pydl_run(program, NULL, &input, 1, &own, 1) == PYDL_ERROR_VALUE);
  CHECK(strstr(pydl_last_error(), "probabilities") != NULL);
  input.shape[1] = 2;
  CHECK(pydl_run(program, NULL, &input, 1, &output, 1) == PYDL_ERROR_VALUE);
  CHECK(strstr(pydl_last_error(), "(N, 4)") != NULL);
  input.dtype = 77;
  CHECK(pydl_run(program, NULL, &input, 1, &output, 1) == PYDL_ERROR_TYPE);
  CHECK(pydl_run(program, NULL, NULL, 1, &output, 1) == PYDL_ERROR_VALUE);
  CHECK(pydl_run(NULL, NULL, NULL, 0, NULL, 0) == PYDL_ERROR_VALUE);
  CHECK(pydl_run(program, "fit", NULL, 0, NULL, 0) == PYDL_ERROR_VALUE);
}

static double train(pydl_program* program, int steps) {
  float x[32];
  int64_t y[8];
  double loss = 0;
  unsigned state = 1;
  for (int i = 0; i < 32; ++i) x[i] = (float)((state = state * 1664525U + 1013904223U) >> 8) / 8388608.0F - 1;
  for (int i = 0; i < 8; ++i) y[i] = x[4 * i] > 0;
  const pydl_tensor batch[2] = {{x, PYDL_FLOAT32, 2, {8, 4}}, {y, PYDL_INT64, 1, {8}}};
  for (int i = 0; i < steps; ++i) CHECK(pydl_train(program, batch, 2, &loss) == PYDL_OK);
  return loss;
}

static void check_state(pydl_program* program) {
  pydl_tensor weight = {0};
  pydl_tensor wrong = {0};
  CHECK(pydl_state_count(program) > 4);
  CHECK(pydl_get_state(program, "hidden.weight", &weight) == PYDL_OK);
  CHECK(weight.rank == 2 && weight.shape[0] == 16 && weight.shape[1] == 4);
  ((float*)weight.data)[0] = 42;
  CHECK(pydl_set_state(program, "hidden.weight", &weight) == PYDL_OK);
  ((float*)weight.data)[0] = 0;
  CHECK(pydl_get_state(program, "hidden.weight", &weight) == PYDL_OK);
  CHECK(((float*)weight.data)[0] == 42);
  CHECK(pydl_get_state(program, "nothing", &wrong) == PYDL_ERROR_VALUE);
  weight.shape[0] = 8;
  CHECK(pydl_set_state(program, "hidden.weight", &weight) == PYDL_ERROR_VALUE);
  pydl_tensor_clear(&weight);
}

static void check_limits(const char* path) {
  float x[8] = {0};
  const pydl_tensor input = {x, PYDL_FLOAT32, 2, {2, 4}};
  pydl_tensor output = {0};
  CHECK(pydl_load_limited(path, 10) == NULL);
  CHECK(strstr(pydl_last_error(), "more than the 10 of max_operations") != NULL);
  CHECK(pydl_load_limited(NULL, 10) == NULL);
  pydl_program* program = pydl_load_limited(path, 1000000);
  CHECK(pydl_run(program, NULL, &input, 1, &output, 1) == PYDL_OK);
  pydl_tensor_clear(&output);
  pydl_free(program);
}

/* Null pointers, wrong numbers and shapes: an error for each, and no crash. */
static void check_wrong_calls(pydl_program* program) {
  pydl_tensor_info info;
  pydl_tensor tensor = {0};
  pydl_tensor no_elements = {NULL, PYDL_FLOAT32, 2, {2, 4}};
  pydl_tensor output = {0};
  float x[8] = {0};
  pydl_tensor input = {x, PYDL_FLOAT32, 2, {2, 4}};
  size_t count = 0;
  double loss = 0;
  CHECK(pydl_load_memory(NULL, 0) == NULL);
  CHECK(pydl_load_memory(NULL, 100) == NULL);
  CHECK(pydl_load_memory_limited(NULL, 0, 10) == NULL);
  CHECK(pydl_load_memory_limited(NULL, 100, 10) == NULL);
  CHECK(pydl_save(NULL, "x") == PYDL_ERROR_VALUE);
  CHECK(pydl_save(program, NULL) == PYDL_ERROR_VALUE);
  CHECK(pydl_function_count(NULL) == 0 && pydl_function_name(NULL, 0) == NULL);
  CHECK(pydl_counts(NULL, NULL, &count, &count) == PYDL_ERROR_VALUE);
  CHECK(pydl_counts(program, "nothing", &count, &count) == PYDL_ERROR_VALUE);
  CHECK(pydl_counts(program, NULL, NULL, NULL) == PYDL_OK);
  CHECK(pydl_input(NULL, NULL, 0, &info) == PYDL_ERROR_VALUE);
  CHECK(pydl_input(program, NULL, 0, NULL) == PYDL_ERROR_VALUE);
  CHECK(pydl_input(program, NULL, (size_t)-1, &info) == PYDL_ERROR_INDEX);
  CHECK(pydl_output(NULL, NULL, 0, &info) == PYDL_ERROR_VALUE);
  CHECK(pydl_output(program, NULL, 0, NULL) == PYDL_ERROR_VALUE);
  CHECK(pydl_output(program, NULL, 7, &info) == PYDL_ERROR_INDEX);
  CHECK(pydl_class_count(NULL) == 0 && pydl_class_name(NULL, 0) == NULL);
  CHECK(pydl_class_name(program, 1000) == NULL);
  CHECK(pydl_run(program, NULL, &tensor, 1, &output, 1) != PYDL_OK);
  CHECK(pydl_run(program, NULL, &no_elements, 1, &output, 1) == PYDL_ERROR_VALUE);
  CHECK(pydl_run(program, NULL, &input, 1, NULL, 1) == PYDL_ERROR_VALUE);
  CHECK(pydl_run(program, NULL, &input, 1, &output, 0) == PYDL_ERROR_VALUE);
  CHECK(pydl_run(program, NULL, &input, 0, &output, 1) == PYDL_ERROR_VALUE);
  input.rank = 9;
  CHECK(pydl_run(program, NULL, &input, 1, &output, 1) == PYDL_ERROR_VALUE);
  input.rank = -1;
  CHECK(pydl_run(program, NULL, &input, 1, &output, 1) == PYDL_ERROR_VALUE);
  input.rank = 2;
  input.shape[0] = -2;
  CHECK(pydl_run(program, NULL, &input, 1, &output, 1) == PYDL_ERROR_VALUE);
  /* Their product does not fit into 64 bits, so that it could pass for that of few elements. */
  no_elements.shape[0] = INT64_C(1) << 62;
  CHECK(pydl_run(program, NULL, &no_elements, 1, &output, 1) != PYDL_OK);
  CHECK(pydl_train(NULL, &input, 1, &loss) == PYDL_ERROR_VALUE);
  CHECK(pydl_train(program, NULL, 2, &loss) == PYDL_ERROR_VALUE);
  CHECK(pydl_train(program, NULL, 0, NULL) == PYDL_ERROR_VALUE);
  pydl_tensor_clear(NULL);
  pydl_tensor_clear(&output);
  CHECK(pydl_state_count(NULL) == 0 && pydl_state_name(NULL, 0) == NULL);
  CHECK(pydl_state_name(program, 100000) == NULL);
  CHECK(pydl_get_state(NULL, "hidden.weight", &tensor) == PYDL_ERROR_VALUE);
  CHECK(pydl_get_state(program, NULL, &tensor) == PYDL_ERROR_VALUE);
  CHECK(pydl_get_state(program, "hidden.weight", NULL) == PYDL_ERROR_VALUE);
  CHECK(pydl_set_state(NULL, "hidden.weight", &tensor) == PYDL_ERROR_VALUE);
  CHECK(pydl_set_state(program, NULL, &tensor) == PYDL_ERROR_VALUE);
  CHECK(pydl_set_state(program, "hidden.weight", NULL) == PYDL_ERROR_VALUE);
  CHECK(pydl_set_state(program, "hidden.weight", &tensor) != PYDL_OK);
}

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  char path[4096];
  snprintf(path, sizeof path, "%s/c_api.pydl", argv[2]);
  CHECK(pydl_c_api_version() == PYDL_C_API_VERSION);
  CHECK(strlen(pydl_library_version()) > 0);
  CHECK(pydl_load("/nonexistent/file.pydl") == NULL);
  CHECK(strstr(pydl_last_error(), "/nonexistent/file.pydl") != NULL);
  CHECK(pydl_load_memory("garbage", 7) == NULL);
  CHECK(pydl_load(NULL) == NULL);
  pydl_program* program = pydl_load(argv[1]);
  if (program == NULL) {
    printf("%s\n", pydl_last_error());
    return 1;
  }
  check_description(program);
  check_runs(program);
  check_wrong_calls(program);
  const double first = train(program, 1);
  const double later = train(program, 60);
  CHECK(later < first);
  CHECK(pydl_save(program, path) == PYDL_OK);
  pydl_program* again = pydl_load(path);
  CHECK(again != NULL);
  CHECK(train(program, 3) == train(again, 3)); /* bit for bit */
  check_state(program);
  check_limits(path);
  CHECK(pydl_save(program, "/nonexistent/folder/file.pydl") == PYDL_ERROR_FILE);
  pydl_free(again);
  pydl_free(program);
  pydl_free(NULL);
  printf("%s\n", failures == 0 ? "passed" : "FAILED");
  return failures == 0 ? 0 : 1;
}
