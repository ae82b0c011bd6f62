/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program that opens and closes libraries, in one thread, as long as it lives.
 */
#include "say.h"

#include <pthread.h>
#include <stdlib.h>

static void *churn(void *arg)
{
	(void)arg;
	for (;;) {
		void *one = dlopen("./libone.so", RTLD_NOW), *two = dlopen("./libtwo.so", RTLD_NOW);

		if (one == NULL || two == NULL)
			exit(1);
		(void)dlclose(one);
		(void)dlclose(two);
	}
	return NULL;
}

int main(void)
{
	unsigned int count = 0;
	pthread_t thread;

	(void)dl_iterate_phdr(say_object, &count);
	printf("again 2000 %u %u\n", count, count + 2);
	if (pthread_create(&thread, NULL, churn, NULL) != 0)
		return 1;
	return say_ready();
}
