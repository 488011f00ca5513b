// A very small test harness: TEST(name) { CHECK(...); } and a main that runs them all, or those whose name contains
// argv[1].
#pragma once
#include <cstdio>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

struct TestCase { const char* name; void (*run)(); };
inline std::vector<TestCase>& test_cases() { static std::vector<TestCase> cases; return cases; }
inline int& check_failures() { static int failures = 0; return failures; }

#define TEST_CAT2(a, b) a##b
#define TEST_CAT(a, b) TEST_CAT2(a, b)
#define TEST(sentence)                                                                           \
  static void TEST_CAT(test_, __LINE__)();                                                       \
  static const bool TEST_CAT(registered_, __LINE__) =                                            \
      (test_cases().push_back({sentence, TEST_CAT(test_, __LINE__)}), true);                     \
  static void TEST_CAT(test_, __LINE__)()

#define CHECK(cond)                                                                    \
  do {                                                                                 \
    if (!(cond)) {                                                                     \
      printf("    %s:%d: CHECK(%s) failed\n", __FILE__, __LINE__, #cond);              \
      check_failures()++;                                                              \
    }                                                                                  \
  } while (0)
#define CHECK_EQ(a, b)                                                                 \
  do {                                                                                 \
    auto va = (a);                                                                     \
    auto vb = (b);                                                                     \
    if (!(va == vb)) {                                                                 \
      printf("    %s:%d: %s == %s failed (%lld, %lld)\n", __FILE__, __LINE__, #a, #b,  \
             (long long)va, (long long)vb);                                            \
      check_failures()++;                                                              \
    }                                                                                  \
  } while (0)

#define TEST_MAIN()                                                                    \
  int main(int argc, char** argv) {                                                    \
    int passed = 0, failed = 0;                                                        \
    for (auto& t : test_cases()) {                                                     \
      if (argc > 1 && !strstr(t.name, argv[1])) continue;                              \
      int before = check_failures();                                                   \
      t.run();                                                                         \
      bool ok = check_failures() == before;                                            \
      ok ? passed++ : failed++;                                                        \
      printf("%s %s\n", ok ? "ok  " : "FAIL", t.name);                                 \
    }                                                                                  \
    printf("native: %d passed, %d failed\n", passed, failed);                          \
    return failed ? 1 : 0;                                                             \
  }
