/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * C++: virtual calls, templates, static members, guarded static variables.
 *
 * expect: 24 141 26
 * counts: 1
 * flags: -O2 -fno-exceptions
 * flags: -O0 -fno-exceptions
 */
#include <string>
#include <vector>

struct base {
	virtual ~base() {}
	virtual int value() const;
	static int members;
};

struct derived : base {
	int value() const override;
};

int base::members = 2;

int base::value() const
{
	return 1;
}

int __attribute__((noinline)) derived::value() const
{
#ifdef PATCHED
	return 100 + base::value() + members;
#else
	return base::value() + members;
#endif
}

template <typename T> T __attribute__((noinline)) add(const std::vector<T> &values)
{
	T sum = T();

	for (const T &value : values)
#ifdef PATCHED
		sum += value * 2;
#else
		sum += value;
#endif
	return sum;
}

static int __attribute__((noinline)) once()
{
	static std::string text = std::string("thing") + std::to_string(derived().value() % 10);
	static int count = 0;

#ifdef PATCHED
	count++;
	return (int)text.size() + count + 2;
#else
	return (int)text.size() + ++count;
#endif
}

extern "C" int test_value(void)
{
	derived *object = new derived;
	int value = static_cast<base *>(object)->value();

	delete object;
	return value + once() + add(std::vector<int>{ 6, 8 });
}
