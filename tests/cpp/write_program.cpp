// Writes a program for the tests of other languages: `write_program <path>`.
#include "saved_mlp.h"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  saved_mlp::Mlp mlp(7);
  pydl::save_program(argv[1], mlp.functions(8), {{"red", "green", "blue"}, {{"mean", {0.5, 0.25}}}});
  return 0;
}
